import { errors } from 'jose';
import { RegistryError } from '#libs/oci/errors.ts';

/** What was wrong with a token, in a few words, by what `jose` threw. */
export function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its claim ${error.claim} is not what is expected here`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  return 'it is no valid signed JSON web token';
}

export function refused(why: string, cause?: unknown): RegistryError {
  return new RegistryError('UNAUTHORIZED', `The token is not accepted: ${why}. Log in again.`, { cause });
}
