import { RegistryError } from './errors.ts';
import { printable, quote } from './quote.ts';

/** Deepest nesting of a document; a manifest needs four levels. */
export const MAX_JSON_DEPTH = 32;

/** Most keys, objects and arrays of a document together, so that parsing costs no more than a few dozen megabytes. */
export const MAX_JSON_NODES = 200_000;

/**
 * Parses UTF-8 JSON that reads the same in every parser: no byte order mark, no key twice in one object, no
 * `__proto__`. Throws MANIFEST_INVALID, or TOO_LARGE for a document beyond the limits above.
 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  try {
    checkKeys(text);
    return JSON.parse(text) as unknown;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw invalid(`should be JSON, but can't be parsed: ${printable(cause.message)}`, cause);
  }
}

/**
 * Finds what JSON.parse would silently drop. It runs first, to bound what JSON.parse allocates, so it must come through
 * any text; on text that is not JSON its result doesn't matter, since JSON.parse then refuses.
 */
function checkKeys(text: string): void {
  /** One entry for each open object or array; an object's holds the keys seen so far. */
  const open: Set<string>[] = [];
  let nodes = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      const end = endOfString(text, i);
      if (isKey(text, end)) {
        addKey(open.at(-1), text.slice(i, end));
        nodes++;
      }
      i = end - 1;
    } else if (char === '{' || char === '[') {
      open.push(new Set());
      nodes++;
      if (open.length > MAX_JSON_DEPTH)
        throw invalid(`should be nested at most ${MAX_JSON_DEPTH} levels deep`);
    } else if (char === '}' || char === ']') {
      open.pop();
    }
    if (nodes > MAX_JSON_NODES) {
      const message = `The manifest holds more than ${MAX_JSON_NODES} keys, objects and arrays; make it smaller.`;
      throw new RegistryError('TOO_LARGE', message);
    }
  }
}

function addKey(seen: Set<string> | undefined, literal: string): void {
  const key = literal.includes('\\') ? (JSON.parse(literal) as string) : literal.slice(1, -1);
  if (key === '__proto__') throw invalid('should have no key "__proto__"');
  if (seen?.has(key)) throw invalid(`should have each key once, but repeats ${quote(key)} in one object`);
  seen?.add(key);
}

/** The position after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
  }
  return text.length;
}

function isKey(text: string, end: number): boolean {
  let i = end;
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\r' || text[i] === '\t') i++;
  return text[i] === ':';
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalid('should be UTF-8 text, but has bytes that are not', cause);
  }
}

function invalid(what: string, cause?: unknown): RegistryError {
  return new RegistryError('MANIFEST_INVALID', `The manifest is not valid: it ${what}.`, { cause });
}
