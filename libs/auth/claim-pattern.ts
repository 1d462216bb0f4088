import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { MAX_CLAIM_PATTERN, MAX_CLAIM_VALUE } from './limits.ts';

declare const brand: unique symbol;

/**
 * What a claim must be, checked: the very text or, where `*` stands in it, any characters but the slashes and colons that issuers join the
 * parts of a claim with; `**` is any characters at all. So `repo:team/*:ref:refs/heads/main` is of one team and one branch.
 */
export type ClaimPattern = string & { readonly [brand]: 'ClaimPattern' };

/** Throws REQUEST_INVALID. */
export function parseClaimPattern(text: string): ClaimPattern {
  if (isClaimPattern(text)) return text;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The pattern ${quote(text)} of a claim is not valid: expected 1 to ${MAX_CLAIM_PATTERN} characters, in which * stands for any but slashes and colons, ` +
      'and ** for any, and which are not stars alone.',
  );
}

/** Stars alone would let everyone in whom the issuer knows. */
export function isClaimPattern(value: unknown): value is ClaimPattern {
  if (typeof value !== 'string' || value.length > MAX_CLAIM_PATTERN) return false;
  return /[^*]/.test(value) && !value.includes('***');
}

/** Whether the claim's value fits: a text, number or truth value; of a list, one of its members. */
export function matchesClaim(pattern: ClaimPattern, value: unknown): boolean {
  if (Array.isArray(value))
    return value.some((member: unknown) => isText(member) && matchesText(pattern, String(member)));
  return isText(value) && matchesText(pattern, String(value));
}

function isText(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** Takes time proportional to the pattern's length times the text's, whatever they are. */
function matchesText(pattern: ClaimPattern, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text;
  if (text.length > MAX_CLAIM_VALUE) return false;
  // How much of the text the pattern may have taken so far.
  let reached = new Set([0]);
  for (const part of pattern.match(/\*{1,2}|[^*]+/g) ?? []) {
    const next = new Set<number>();
    for (const at of reached) {
      if (!part.startsWith('*')) {
        if (text.startsWith(part, at)) next.add(at + part.length);
        continue;
      }
      for (let end = at; !next.has(end); end++) {
        next.add(end);
        if (end === text.length || (part === '*' && SEPARATORS.includes(text.charAt(end)))) break;
      }
    }
    reached = next;
  }
  return reached.has(text.length);
}

const SEPARATORS = '/:';
