import type { Entry } from '#libs/auth/policy.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';

/** The entry of that name. Throws NAME_UNKNOWN. `what` says what it is, with its article. */
export function find<T>(entries: readonly Entry<T>[], name: string, what: string): Entry<T> {
  const found = entries.find((entry) => entry.name === name);
  if (found !== undefined) return found;
  throw new RegistryError('NAME_UNKNOWN', `There is no ${what} ${quote(name)}.`);
}

/** Throws PRECONDITION_FAILED unless it is the version that was asked for, if one was. */
export function requireVersion({ name, version }: Entry<unknown>, wanted: number): void {
  if (wanted === 0 || wanted === version) return;
  throw new RegistryError(
    'PRECONDITION_FAILED',
    `${quote(name)} was expected at version ${wanted}, but it is at version ${version}. Nothing was changed: read it again.`,
  );
}

/** Throws CONFLICT where there are as many as there may be. */
export function requireRoom(count: number, max: number, what: string): void {
  if (count < max) return;
  throw new RegistryError('CONFLICT', `There are ${count} ${what}, and can't be more. Remove some first.`);
}
