import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { RegistryError } from '#libs/oci/errors.ts';

/** For what something was sealed: one is never taken for the other. */
export type Purpose = 'state' | 'result';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const MAX_SEALED = 16 * 1024;

/** Encrypted and signed, so that it can go through hands that should neither read nor change it, to any front end. */
export function seal(key: string, purpose: Purpose, content: object, endsAtMs: number): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, Buffer.from(key, 'base64url'), iv).setAAD(Buffer.from(purpose));
  const text = JSON.stringify({ content, endsAtMs });
  return Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

/** Throws REQUEST_INVALID for what was not sealed so, or has ended. */
export function unseal<T>(
  key: string,
  purpose: Purpose,
  sealed: string,
  schema: z.ZodType<T>,
  nowMs: number,
): T {
  const parsed = z
    .object({ content: schema, endsAtMs: z.number() })
    .safeParse(decrypted(key, purpose, sealed));
  if (parsed.success && nowMs < parsed.data.endsAtMs) return parsed.data.content;
  throw new RegistryError(
    'REQUEST_INVALID',
    'The login was not begun here, or too long ago. Begin it again.',
  );
}

function decrypted(key: string, purpose: Purpose, sealed: string): unknown {
  const bytes = Buffer.from(sealed.slice(0, MAX_SEALED), 'base64url');
  if (bytes.length <= IV_BYTES + TAG_BYTES) return undefined;
  try {
    const decipher = createDecipheriv(CIPHER, Buffer.from(key, 'base64url'), bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]);
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
