import { SignJWT, type JWTPayload } from 'jose';
import type { ImportedKey } from './keys.ts';

/** A key that tokens are signed with. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly key: ImportedKey;
}

/** A signed token of these claims in the compact form. */
export function signToken(
  claims: JWTPayload,
  type: string,
  { kid, algorithm, key }: SigningKey,
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid, typ: type }).sign(key);
}
