import { RegistryError } from './errors.ts';
import { quote } from './quote.ts';

/**
 * The `Link` header's value that leads to a list's next page. Parameters are encoded; `path` must be already.
 * https://www.rfc-editor.org/rfc/rfc8288
 */
export function nextLink(path: string, parameters: Readonly<Record<string, string | number>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) query.set(name, String(value));
  return `<${path}?${query.toString()}>; rel="next"`;
}

/**
 * Reads a list's `n`, the most entries wanted. Undefined gives `max`, and more than `max` gives `max`: the list then
 * ends early with a Link. Zero is a page of none. Throws PAGINATION_NUMBER_INVALID.
 */
export function parsePageSize(n: string | undefined, max: number): number {
  if (n === undefined) return max;
  if (/^\d+$/.test(n)) return Math.min(Number(n), max);
  const message = `The page size ${quote(n)} is not valid: expected n to be a whole number, zero or more.`;
  throw new RegistryError('PAGINATION_NUMBER_INVALID', message);
}
