import { errors, type JWK } from 'jose';
import { z } from 'zod';
import { RegistryError } from '#libs/oci/errors.ts';
import { importKey, type ImportedKey } from './keys.ts';

/** The public keys of someone else: https://www.rfc-editor.org/rfc/rfc7517#section-5 */
export interface KeySet {
  /** The key of that id that is good for the algorithm; without an id, the only one that is. Undefined where there is none. */
  find(kid: string | undefined, algorithm: string): Promise<ImportedKey | undefined>;
}

const MAX_KEYS = 100;
const text = z.string().max(4096);

/** Private parts and secrets, which don't belong there, are dropped with everything else that is not listed. */
const publicKey = z.object({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  kid: text.optional(),
  use: text.optional(),
  alg: text.optional(),
  ...{ n: text.optional(), e: text.optional() },
  ...{ crv: text.optional(), x: text.optional(), y: text.optional() },
});

type PublicKey = z.infer<typeof publicKey>;

const keySet = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });

/** What type of key an algorithm takes. */
const TYPES: Readonly<Record<string, PublicKey['kty']>> = { RS: 'RSA', PS: 'RSA', ES: 'EC', Ed: 'OKP' };

/** Throws UNAVAILABLE for what is no set of keys; keys of other kinds are left aside. */
export function parseKeySet(json: unknown): KeySet {
  const parsed = keySet.safeParse(json);
  if (!parsed.success) {
    throw new RegistryError(
      'UNAVAILABLE',
      `The issuer's keys can't be read: expected a JSON Web Key Set of at most ${MAX_KEYS} keys.`,
    );
  }
  const keys = parsed.data.keys.flatMap((key) => publicKey.safeParse(key).data ?? []);
  const imported = new Map<string, Promise<ImportedKey | undefined>>();
  return {
    find: async (kid, algorithm) => {
      const fitting = keys.filter((key) => isFor(key, algorithm) && (kid === undefined || key.kid === kid));
      const [key, other] = fitting;
      if (key === undefined || other !== undefined) return undefined;
      const name = `${keys.indexOf(key)} ${algorithm}`;
      const known = imported.get(name) ?? importIfGood(key, algorithm);
      imported.set(name, known);
      return known;
    },
  };
}

function isFor({ kty, use = 'sig', alg }: PublicKey, algorithm: string): boolean {
  return use === 'sig' && kty === TYPES[algorithm.slice(0, 2)] && (alg === undefined || alg === algorithm);
}

/** A key of another curve, or one that is none, is no key for it. */
async function importIfGood(key: PublicKey, algorithm: string): Promise<ImportedKey | undefined> {
  const { use: _use, kid: _kid, ...jwk } = key;
  try {
    return await importKey(jwk as JWK, algorithm);
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof Error) return undefined;
    throw error;
  }
}
