import { RegistryError } from './errors.ts';
import type { JsonObject } from './fields.ts';
import { quote } from './quote.ts';

/** The names of an object's fields, by what they are when case is ignored. */
export type FieldNames = ReadonlyMap<string, string>;

export function fieldNames(...names: readonly string[]): FieldNames {
  return new Map(names.map((name) => [folded(name), name]));
}

/**
 * Throws MANIFEST_INVALID for a key that is a field's name but for the case: decoders written in Go take it for the field, others don't, so
 * that the same bytes would be two manifests (as in CVE-2021-41190).
 */
export function refuseLookalikes(object: JsonObject, path: string, names: FieldNames): void {
  for (const key of Object.keys(object)) {
    const name = names.get(folded(key));
    if (name === undefined || name === key) continue;
    const where = path === '' ? '' : ` in ${path}`;
    throw new RegistryError(
      'MANIFEST_INVALID',
      `The manifest is not valid: it has the key ${quote(key)}${where}, which some clients would take for ${quote(name)}; rename it.`,
      { detail: { path: path === '' ? key : `${path}.${key}` } },
    );
  }
}

/** As Go folds case: the long s and the Kelvin sign are letters, too. */
function folded(key: string): string {
  return key.toUpperCase().toLowerCase();
}
