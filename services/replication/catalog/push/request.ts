import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { parseTag, type Tag } from '#libs/oci/tag.ts';
import type { PushManifest } from '#types/meridian/v1/PushManifest.ts';

/** A transaction takes 100 keys, and needs some for other things. */
export const MAX_TAGS_PER_PUSH = 50;

/** A push as the algorithm takes it. */
export interface Push {
  /** Another one for every request, also for a repeated one. */
  readonly id: string;
  readonly repository: RepositoryName;
  /** Each once. */
  readonly tags: readonly Tag[];
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly condition: Condition;
  readonly pushedBy: string;
  /** Tags may be moved that are another manifest's. */
  readonly mayRetag: boolean;
}

/** What must hold of the tag (the first one) or, without tags, of the manifest; '' asks for nothing. */
export interface Condition {
  readonly ifMatch: Digest | '*' | '';
  readonly ifNoneMatch: Digest | '*' | '';
}

export function parsePush(request: PushManifest, id: string): Push {
  const tags = [...new Set(request.tags.map(parseTag))];
  if (tags.length > MAX_TAGS_PER_PUSH) {
    const message = `The push sets ${tags.length} tags; at most ${MAX_TAGS_PER_PUSH} can be set at once. Push the manifest again for the others.`;
    throw new RegistryError('TAG_INVALID', message);
  }
  if (request.manifest === null) throw new RegistryError('MANIFEST_INVALID', 'The push names no manifest.');
  return {
    id,
    repository: parseRepositoryName(request.repository),
    tags,
    digest: parseDigest(request.manifest.digest),
    mediaType: request.manifest.mediaType,
    size: request.manifest.size,
    condition: { ifMatch: parseMatch(request.ifMatch), ifNoneMatch: parseMatch(request.ifNoneMatch) },
    pushedBy: request.pushedBy,
    mayRetag: request.mayRetag,
  };
}

export function parseMatch(text: string): Digest | '*' | '' {
  return text === '' || text === '*' ? text : parseDigest(text);
}

/** Throws DENIED for a tag that is another manifest's: making tags is not moving them. */
export function checkKept(
  { repository, digest }: Pick<Push, 'repository' | 'digest'>,
  tag: Tag,
  current: Digest | undefined,
): void {
  if (current === undefined || current === digest) return;
  throw new RegistryError(
    'DENIED',
    `The tag ${tag} of ${repository} is ${current} already, and you may not move tags there: that takes the role maintainer. Push under another tag.`,
  );
}

/** Throws PRECONDITION_FAILED unless what is there, if anything is, fulfils the condition (RFC 9110, section 13.1). */
export function checkCondition(
  { ifMatch, ifNoneMatch }: Condition,
  current: Digest | undefined,
  what: string,
): void {
  const is = current === undefined ? 'does not exist' : `is ${current}`;
  if (ifMatch !== '' && (ifMatch === '*' ? current === undefined : current !== ifMatch)) {
    const message = `${what} was expected to ${ifMatch === '*' ? 'exist' : `be ${ifMatch}`}, but it ${is}. Nothing was changed.`;
    throw new RegistryError('PRECONDITION_FAILED', message);
  }
  if (ifNoneMatch !== '' && (ifNoneMatch === '*' ? current !== undefined : current === ifNoneMatch)) {
    const message = `${what} was expected not to ${ifNoneMatch === '*' ? 'exist' : `be ${ifNoneMatch}`}, but it ${is}. Nothing was changed.`;
    throw new RegistryError('PRECONDITION_FAILED', message);
  }
}
