const AFTER_ALL_KEYS = '\0';
const LAST_CODE_POINT = 0x10ffff;
const FIRST_SURROGATE = 0xd800;
const AFTER_SURROGATES = 0xe000;

/**
 * The `rangeEnd` that makes a range hold every key starting with `prefix`. Code points and UTF-8 bytes sort alike, so the next code
 * point is the next prefix. For the empty prefix the range's key must be '\0'.
 */
export function prefixEnd(prefix: string): string {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return AFTER_ALL_KEYS;
  const next = last + 1 === FIRST_SURROGATE ? AFTER_SURROGATES : last + 1;
  return String.fromCodePoint(...points, next);
}
