import { parseDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { parseTag } from './tag.ts';
import type { Tag } from './tag.ts';

/** What names a manifest within a repository. */
export type Reference = { kind: 'tag'; tag: Tag } | { kind: 'digest'; digest: Digest };

/**
 * Throws DIGEST_INVALID or TAG_INVALID. No tag contains a colon, so whatever contains one is meant as a digest and is
 * never looked up as a tag.
 */
export function parseReference(text: string): Reference {
  if (text.includes(':')) return { kind: 'digest', digest: parseDigest(text) };
  return { kind: 'tag', tag: parseTag(text) };
}

/** The reference as it stands in a URL's path. */
export function formatReference(reference: Reference): string {
  return reference.kind === 'tag' ? reference.tag : reference.digest;
}
