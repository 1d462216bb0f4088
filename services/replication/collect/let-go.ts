import { randomUUID } from 'node:crypto';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import type { OwnershipView, RegionView, RepositoryView } from '../catalog/view/view.ts';
import { copiesWanted } from '../membership/copies-wanted.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';

export interface LetGoOptions {
  readonly region: string;
  readonly view: OwnershipView & RegionView & RepositoryView;
  readonly directory: PeerDirectory;
  readonly settings: { readonly handOverTimeoutMs: number };
}

/** Gives those of the blobs that this region may let go. */
export type LetGo = (digests: readonly Digest[], signal: AbortSignal) => Promise<Set<Digest>>;

/**
 * For blobs that the catalog names, but in no repository whose content may be here any more. They may go once the regions where it may be have
 * pinned them, in as many of these as the durability of their repositories asks.
 *
 * That the others hold them would not be enough: were a placement changed from here to there and back, each of two regions could believe in
 * the other's copy and remove its own. A pin is made under the blob's lock in the other region, takes the blob back from a collection there,
 * and outlasts by days any copy of the catalog that may collect; so of two regions that let the same blob go at the same time, at least
 * one finds it pinned. A region whose view says that the content must not be there pins nothing, and then the blob stays here.
 *
 * Pushes at the same time are safe as in any collection: one that counts this region under the placement of its commit has pinned
 * here with the collection's epoch or a later one, which keeps the blob, or has read an earlier epoch, and fails its compare; one that has
 * counted this region before the placement was changed committed before, so that its manifest is in the view and asks for copies elsewhere.
 */
export function createLetGo(options: LetGoOptions): LetGo {
  const { view, region } = options;
  return async (digests, signal) => {
    const wanted = copiesWanted(view, region);
    const kept = new Set<Digest>();
    const byRepository = new Map<RepositoryName, Hand>();
    for (const digest of digests) {
      const { size } = view.owners(digest, 1);
      for (const { repository, regions, count } of wanted(digest)) {
        const hand = byRepository.get(repository) ?? { repository, regions, count, blobs: [] };
        hand.blobs.push({ digest, size });
        byRepository.set(repository, hand);
      }
    }
    for (const hand of byRepository.values()) {
      for (const digest of await notPinned(options, hand, signal)) kept.add(digest);
    }
    return new Set(digests.filter((digest) => !kept.has(digest)));
  };
}

interface Hand {
  readonly repository: RepositoryName;
  readonly regions: readonly string[];
  readonly count: number;
  readonly blobs: (BlobStat & { readonly digest: Digest })[];
}

/** Has the regions pin the blobs; gives those that too few have pinned. */
async function notPinned(
  { region, directory, settings }: LetGoOptions,
  { repository, regions, count, blobs }: Hand,
  signal: AbortSignal,
): Promise<Digest[]> {
  const pinned = new Map<string, number>();
  const left = (): Hand['blobs'] => blobs.filter(({ digest }) => (pinned.get(digest) ?? 0) < count);
  const limits = { signal, timeoutMs: settings.handOverTimeoutMs };
  for (const remote of directory.nearestFirst()) {
    const asked = left();
    if (asked.length === 0) break;
    if (!remote.live || !regions.includes(remote.region)) continue;
    const content = { pushId: randomUUID(), repository, blobs: asked, from: region, along: [] };
    try {
      const { missing } = await ask(remote.region, limits, (limited) =>
        remote.peer.hold(content, { signal: limited }),
      );
      for (const { digest } of asked) {
        if (!missing.includes(digest)) pinned.set(digest, (pinned.get(digest) ?? 0) + 1);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
    }
  }
  return left().map(({ digest }) => digest);
}
