import { expect } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';

/** The RegistryError that `act` throws; fails the test when it throws none. */
export function thrown(act: () => unknown): RegistryError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(RegistryError);
    return error as RegistryError;
  }
  return expect.unreachable('expected a RegistryError, but nothing was thrown');
}
