import { RegistryError } from '#libs/oci/errors.ts';

/** The RegistryError that the call throws; anything else is the test's failure. */
export function thrownBy(call: () => unknown): RegistryError {
  try {
    call();
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
  throw new Error('A RegistryError was expected, but nothing was thrown.');
}
