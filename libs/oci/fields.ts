import { RegistryError } from './errors.ts';
import { isMediaType, MAX_MEDIA_TYPE_BYTES } from './mediatype.ts';
import { quote } from './quote.ts';

/*
 * Readers of a manifest's fields. They stop at the first wrong one: a hostile manifest has room for a million, and a
 * schema library that collects an issue for each would spend hundreds of megabytes on saying so.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

/** MANIFEST_INVALID for one field: where it is, what it should be, what it is. */
export function fieldError(path: string, expected: string, value: unknown): RegistryError {
  const message = `The manifest is not valid: ${path} should be ${expected}, but is ${describe(value)}.`;
  return new RegistryError('MANIFEST_INVALID', message, { detail: { path } });
}

export function readObject(value: unknown, path: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw fieldError(path, 'an object', value);
}

export function readArray(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw fieldError(path, 'an array', value);
}

export function readString(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw fieldError(path, 'a string', value);
}

export function readStrings(value: unknown, path: string): readonly string[] {
  return readArray(value, path).map((item, index) => readString(item, `${path}[${index}]`));
}

export function readStringMap(value: unknown, path: string): Readonly<Record<string, string>> {
  const object = readObject(value, path);
  for (const [key, item] of Object.entries(object)) readString(item, `${path}[${quote(key)}]`);
  return object as Readonly<Record<string, string>>;
}

/** A media type as clients write it: parameters are let pass, since some push them, and the case is kept. */
export function readMediaType(value: unknown, path: string): string {
  const text = readString(value, path);
  const essence = text.split(';', 1)[0]?.trim() ?? '';
  if (text.length <= MAX_MEDIA_TYPE_BYTES && isMediaType(essence)) return text;
  throw fieldError(path, `a media type of at most ${MAX_MEDIA_TYPE_BYTES} characters`, value);
}

/**
 * A field that may be missing, as an object to spread: `{}` or `{ [key]: value }`. Null and the empty string count as
 * missing, since that is how clients written in Go leave a field out.
 */
export function optional<K extends string, T>(
  object: JsonObject,
  key: K,
  path: string,
  read: (value: unknown, path: string) => T,
): Partial<Record<K, T>> {
  const value = object[key];
  if (value === undefined || value === null || value === '') return {};
  return { [key]: read(value, path === '' ? key : `${path}.${key}`) } as Partial<Record<K, T>>;
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}
