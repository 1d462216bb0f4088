import { isDigest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';

/** An entity tag is the digest in quotes. https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3 */
export function entityTag(digest: string): string {
  return `"${digest}"`;
}

/** Throws PRECONDITION_FAILED where a reader's `If-Match` does not name what it would get. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1 */
export function requireMatch(ifMatch: string | undefined, digest: string): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  if (ifMatch.split(',').some((tag) => tag.trim() === entityTag(digest))) return;
  throw new RegistryError(
    'PRECONDITION_FAILED',
    `The header If-Match is ${quote(ifMatch)}, but what is here has the digest ${digest}.`,
  );
}

/** Whether a reader's `If-None-Match` names what it would get. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 */
export function isNotModified(ifNoneMatch: string | undefined, digest: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === '*') return true;
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === entityTag(digest));
}

/** Whether a range may be served: not if the client has a part of something else. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5 */
export function allowsRange(ifRange: string | undefined, digest: string): boolean {
  return ifRange === undefined || ifRange.trim() === entityTag(digest);
}

/**
 * A writer's `If-Match` or `If-None-Match` as the catalog takes it: a digest, `*`, or empty where the header is absent. The digest may
 * stand without its quotes. Throws REQUEST_INVALID.
 */
export function readCondition(name: string, value: string | undefined): string {
  if (value === undefined) return '';
  const text = value.trim().replace(/^"(.*)"$/, '$1');
  if (text === '*' || isDigest(text)) return text;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The header ${name} is ${quote(value)}; expected one digest in double quotes, or *.`,
  );
}
