import { MAX_SIGNED_TOKEN_MS } from '#libs/auth/limits.ts';
import type { Entry } from '#libs/auth/policy.ts';
import type { SigningKeyRecord } from '#libs/auth/records.ts';
import { importKey, type ImportedKey } from '#libs/jwt/keys.ts';
import type { SigningKey } from '#libs/jwt/sign.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { KnownAuth } from './known.ts';

/** The keys of the registry's tokens, as the catalog has them now. */
export interface KeyRing {
  /** Throws UNAVAILABLE where there is none yet. */
  signing(): Promise<SigningKey>;
  /** Undefined for a key that is not, or no longer, one of the registry's. */
  verifying(kid: string): Promise<ImportedKey | undefined>;
  isKnown(kid: string): boolean;
  /** All public keys, those to come included: a JSON Web Key Set. https://www.rfc-editor.org/rfc/rfc7517#section-5 */
  published(): { keys: object[] };
}

const ALGORITHM = 'ES256';

export function createKeyRing(known: Pick<KnownAuth, 'state'>, clock: () => number): KeyRing {
  const imported = new WeakMap<object, Promise<ImportedKey>>();
  const importOnce = (jwk: object): Promise<ImportedKey> => {
    const before = imported.get(jwk);
    if (before !== undefined) return before;
    const key = importKey(jwk, ALGORITHM);
    imported.set(jwk, key);
    return key;
  };
  const good = (): readonly Entry<SigningKeyRecord>[] =>
    known
      .state()
      .signingKeys()
      .filter(({ record }) => verifies(record, clock()));
  const find = (kid: string): SigningKeyRecord | undefined => good().find(({ name }) => name === kid)?.record;
  return {
    signing: async () => {
      const active = good().find(({ record }) => record.state === 'active');
      if (active?.record.privateKey === undefined) throw noKey();
      return { kid: active.name, algorithm: ALGORITHM, key: await importOnce(active.record.privateKey) };
    },
    verifying: async (kid) => {
      const record = find(kid);
      return record === undefined ? undefined : importOnce(record.publicKey);
    },
    isKnown: (kid) => find(kid) !== undefined,
    published: () => ({
      keys: good().map(({ name, record }) => ({
        ...record.publicKey,
        kid: name,
        alg: ALGORITHM,
        use: 'sig',
      })),
    }),
  };
}

/** A retired key is good until the last token that it may have signed has ended. */
function verifies({ state, retiredAtMs }: SigningKeyRecord, nowMs: number): boolean {
  return state !== 'retired' || retiredAtMs === undefined || nowMs < retiredAtMs + MAX_SIGNED_TOKEN_MS;
}

function noKey(): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    'The registry has no key to sign tokens with yet. Try again in a moment.',
  );
}
