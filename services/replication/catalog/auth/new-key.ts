import { createHash, generateKeyPairSync } from 'node:crypto';
import type { SigningKeyRecord } from '#libs/auth/records.ts';

export interface NewKey {
  /** Its thumbprint: https://www.rfc-editor.org/rfc/rfc7638 */
  readonly id: string;
  readonly publicKey: SigningKeyRecord['publicKey'];
  readonly privateKey: NonNullable<SigningKeyRecord['privateKey']>;
}

/** A key for ES256. */
export function newKey(): NewKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '', d = '' } = privateKey.export({ format: 'jwk' });
  const publicKey = { kty: 'EC', crv: 'P-256', x, y } as const;
  const canonical = JSON.stringify({ crv: publicKey.crv, kty: publicKey.kty, x, y });
  const id = createHash('sha256').update(canonical).digest('base64url');
  return { id, publicKey, privateKey: { ...publicKey, d } };
}
