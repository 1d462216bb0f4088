import { RegistryError } from './errors.ts';
import { quote } from './quote.ts';

declare const brand: unique symbol;

/** A tag, checked. */
export type Tag = string & { readonly [brand]: 'Tag' };

/** Longest tag, in bytes, as the spec has it. */
export const MAX_TAG_BYTES = 128;

const PATTERN = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/**
 * Throws TAG_INVALID unless the text follows the distribution spec's grammar.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 */
export function parseTag(text: string): Tag {
  if (PATTERN.test(text)) return text as Tag;
  throw new RegistryError(
    'TAG_INVALID',
    `The tag ${quote(text)} is not valid: expected 1 to ${MAX_TAG_BYTES} letters, digits, underscores, dots or ` +
      'hyphens, the first of them no dot and no hyphen.',
  );
}
