import { RegistryError } from '#libs/oci/errors.ts';

/** True for the error of a service that does not have the blob. */
export function unknown(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'BLOB_UNKNOWN';
}
