/** Most bytes of all Warning headers' values together, as the distribution spec has it. */
export const MAX_WARNING_BYTES = 4096;

const PREFIX = '299 - "';

/**
 * The `Warning` header's value for a text; characters that a header can't carry become question marks, and what doesn't
 * fit in `maxBytes` is cut off.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
 */
export function warning(text: string, maxBytes: number = MAX_WARNING_BYTES): string {
  const room = maxBytes - PREFIX.length - 1;
  let quoted = '';
  for (const char of text) {
    const next = char === '"' || char === '\\' ? `\\${char}` : /[\x20-\x7e]/.test(char) ? char : '?';
    if (quoted.length + next.length > room) break;
    quoted += next;
  }
  return `${PREFIX}${quoted}"`;
}
