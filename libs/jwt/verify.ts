import { decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import type { ImportedKey } from './keys.ts';
import { reasonOf, refused } from './refusal.ts';

/** What a token must be, to be believed. */
export interface TokenRules {
  /** The only algorithms that count, whatever the token says of itself. */
  readonly algorithms: readonly string[];
  readonly issuer: string;
  readonly audience: string;
  /** The header's `typ`, which keeps tokens that were made for something else apart. */
  readonly type: string;
  /** Longest time from `iat` to now. */
  readonly maxAgeSeconds: number;
  /** How far the clocks of those who make tokens and of this machine may be apart. */
  readonly clockToleranceSeconds: number;
  /** The key that is known here by this id; a token never brings its own. */
  key(kid: string, algorithm: string): Promise<ImportedKey | undefined>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** A token's header has these and no others: no key, no certificate, no URL of one, no extensions. */
const HEADER_PARAMETERS = ['alg', 'kid', 'typ'];

/** The claims of a token, strictly checked. Throws UNAUTHORIZED, with why. */
export async function verifyToken(token: string, rules: TokenRules): Promise<JWTPayload> {
  const { alg, kid } = readHeader(token, rules);
  const key = await rules.key(kid, alg);
  if (key === undefined)
    throw refused('it was signed with a key that is not, or no longer, one of this registry');
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [alg],
      issuer: rules.issuer,
      audience: rules.audience,
      typ: rules.type,
      maxTokenAge: rules.maxAgeSeconds,
      clockTolerance: rules.clockToleranceSeconds,
      requiredClaims: ['exp', 'nbf', 'iat', 'sub'],
      currentDate: new Date(rules.clock()),
    });
    return payload;
  } catch (error) {
    throw refused(reasonOf(error), error);
  }
}

function readHeader(token: string, { algorithms }: TokenRules): { alg: string; kid: string } {
  const header = parseHeader(token);
  const other = Object.keys(header).find((name) => !HEADER_PARAMETERS.includes(name));
  if (other !== undefined) throw refused('its header has more than alg, kid and typ');
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !algorithms.includes(alg))
    throw refused(`it is not signed with ${algorithms.join(' or ')}`);
  if (typeof kid !== 'string') throw refused('it does not name the key that it was signed with');
  return { alg, kid };
}

function parseHeader(token: string): Record<string, unknown> {
  try {
    return { ...decodeProtectedHeader(token) };
  } catch (error) {
    throw refused('it is no signed JSON web token', error);
  }
}
