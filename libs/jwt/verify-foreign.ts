import { decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import type { ImportedKey } from './keys.ts';
import { reasonOf, refused } from './refusal.ts';

/** What a token that someone else has signed must be, to be believed. */
export interface ForeignRules {
  /** To the letter. */
  readonly issuer: string;
  /** One of them it must be meant for. */
  readonly audiences: readonly string[];
  /** Longest time from `iat` to now. */
  readonly maxAgeSeconds: number;
  readonly clockToleranceSeconds: number;
  /** The issuer's key of that id, or its only one; a token never brings its own. */
  key(kid: string | undefined, algorithm: string): Promise<ImportedKey | undefined>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export interface ForeignClaims extends JWTPayload {
  readonly sub: string;
  readonly exp: number;
}

/** Signatures by pairs of keys alone: what verifies can't sign. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
/** A token that says where its key is, brings it, or asks for extensions. */
const REFUSED_PARAMETERS = ['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];

/** Longest token that is looked at. */
export const MAX_FOREIGN_TOKEN = 8 * 1024;

const FORM = /^eyJ[A-Za-z0-9_-]*\.eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+$/;

/** Whether it has the form of a signed token, so that it can be told from passwords. */
export function isSignedToken(text: string): boolean {
  return text.length <= MAX_FOREIGN_TOKEN && FORM.test(text);
}

/** Whom the token says that it is of, without any proof: to know whose rules it is to be checked by. */
export function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

/** The claims of a token, strictly checked. Throws UNAUTHORIZED, with why. */
export async function verifyForeignToken(token: string, rules: ForeignRules): Promise<ForeignClaims> {
  if (!isSignedToken(token)) throw refused('it is no signed JSON web token');
  const { alg, kid } = readHeader(token);
  const key = await rules.key(kid, alg);
  if (key === undefined) throw refused('it was signed with a key that its issuer does not publish');
  const { sub, exp, ...claims } = await claimsOf(token, key, alg, rules);
  if (typeof sub !== 'string' || sub === '' || exp === undefined)
    throw refused('it does not say of whom it tells');
  return { ...claims, sub, exp };
}

async function claimsOf(
  token: string,
  key: ImportedKey,
  alg: string,
  rules: ForeignRules,
): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [alg],
      issuer: rules.issuer,
      audience: [...rules.audiences],
      maxTokenAge: rules.maxAgeSeconds,
      clockTolerance: rules.clockToleranceSeconds,
      requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub'],
      currentDate: new Date(rules.clock()),
    });
    return payload;
  } catch (error) {
    throw refused(reasonOf(error), error);
  }
}

function readHeader(token: string): { alg: string; kid: string | undefined } {
  let header: Record<string, unknown>;
  try {
    header = { ...decodeProtectedHeader(token) };
  } catch (error) {
    throw refused('it is no signed JSON web token', error);
  }
  const { alg, kid, typ = 'JWT' } = header;
  if (Object.keys(header).some((name) => REFUSED_PARAMETERS.includes(name)))
    throw refused('its header brings a key, says where one is, or asks for extensions');
  if (typeof alg !== 'string' || !ALGORITHMS.includes(alg))
    throw refused(`it is not signed with one of ${ALGORITHMS.join(', ')}`);
  if (typeof typ !== 'string' || typ.toUpperCase() !== 'JWT') throw refused('it was made for something else');
  if (kid !== undefined && typeof kid !== 'string')
    throw refused('it does not name the key that it was signed with');
  return { alg, kid };
}
