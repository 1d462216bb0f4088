import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Tag } from '#libs/oci/tag.ts';
import type { RepositoryRecord } from '../records.ts';
import { checkCondition, checkKept, type Push } from './request.ts';

/** What a push does, as far as the catalog has a say in it. */
export type Target = Pick<Push, 'repository' | 'tags' | 'digest' | 'condition' | 'mayRetag'>;

/** What the catalog has of a target. */
export interface CurrentTarget {
  readonly repository: RepositoryRecord | undefined;
  /** Of each of `decidingTags`. */
  readonly digestOf: (tag: Tag) => Digest | undefined;
  /** Asked where `manifestDecides`. */
  readonly hasManifest: () => boolean;
}

/** The tags that decide whether a push may be done, also when it commits: its condition's, and all where it may move none. */
export function decidingTags({ tags, condition, mayRetag }: Target): readonly Tag[] {
  if (!mayRetag) return tags;
  return isConditional(condition) ? tags.slice(0, 1) : [];
}

/** Whether the manifest's existence decides it: the condition of a push without tags is about that. */
export function manifestDecides({ tags, condition }: Target): boolean {
  return tags.length === 0 && isConditional(condition);
}

/** Throws PRECONDITION_FAILED, DENIED for a tag that must not be moved, CONFLICT for a repository that is being deleted. */
export function checkTarget(target: Target, { repository, digestOf, hasManifest }: CurrentTarget): void {
  if (repository !== undefined && repository.state !== 'active') {
    const message = `The repository ${target.repository} is being deleted; push again once that is done.`;
    throw new RegistryError('CONFLICT', message, { retryAfterSeconds: 5 });
  }
  const { tags, digest, condition, mayRetag } = target;
  if (manifestDecides(target)) {
    checkCondition(condition, hasManifest() ? digest : undefined, `The manifest ${digest}`);
  } else if (isConditional(condition) && tags[0] !== undefined) {
    checkCondition(condition, digestOf(tags[0]), `The tag ${tags[0]}`);
  }
  for (const tag of mayRetag ? [] : tags) checkKept(target, tag, digestOf(tag));
}

function isConditional({ ifMatch, ifNoneMatch }: Target['condition']): boolean {
  return ifMatch !== '' || ifNoneMatch !== '';
}
