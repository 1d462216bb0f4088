import { importJWK, type CryptoKey, type JWK } from 'jose';

/** A key ready for use; private parts can't be read out of it. */
export type ImportedKey = CryptoKey;

/** Rejects for what is no asymmetric key of that algorithm. */
export async function importKey(jwk: JWK, algorithm: string): Promise<ImportedKey> {
  const key = await importJWK(jwk, algorithm, { extractable: false });
  if (key instanceof Uint8Array)
    throw new Error(`A key for ${algorithm} should be a pair's, not a shared secret.`);
  return key;
}
