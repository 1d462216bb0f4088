import { algorithmOf, hexOf, type Digest } from './digest.ts';
import { parseTag, type Tag } from './tag.ts';

const MAX_HEX = 64;

/**
 * The tag under which clients keep the referrers of a digest where a registry has no API for them: the algorithm and at most
 * 64 characters of its hash.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
export function referrersTag(subject: Digest): Tag {
  return parseTag(`${algorithmOf(subject)}-${hexOf(subject).slice(0, MAX_HEX)}`);
}
