import type { RepositoryName } from '#libs/oci/name.ts';
import type { Reclaim, Scrub } from '#libs/rpc/contracts.ts';
import type { WantedBlob } from '../transfer/missing.ts';

/** What this region has pinned for a repository, and does not hold any more. */
export interface LostPinned extends WantedBlob {
  /** It is in quarantine. Of others only another region's copy tells that there ever was one: a crash may leave the pin of an upload that never ended. */
  readonly damaged: boolean;
}

/** Lost ones remembered at once; the rest is found by the next look. */
const MAX_LOST = 10_000;
/** Pins of one call to the storage. */
const PAGE = 1_000;

/** Each blob once, where content of its repository may be in this region. */
export async function lostPinned(
  scrub: Pick<Scrub, 'lostPins'>,
  mayBeHere: (repository: string) => boolean,
  signal: AbortSignal,
): Promise<LostPinned[]> {
  const found = new Map<string, LostPinned>();
  for await (const { repository, digest, size, damaged } of scrub.lostPins({}, { signal })) {
    if (found.has(digest) || !mayBeHere(repository)) continue;
    found.set(digest, { repository, digest, size, kind: 'layer', damaged });
    if (found.size === MAX_LOST) break;
  }
  return [...found.values()];
}

/** Digests that the repository has pinned here. */
export async function* pinnedIn(
  reclaim: Pick<Reclaim, 'listPins'>,
  repository: RepositoryName,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  for (let lastDigest = ''; ;) {
    const request = { lastRepository: repository, lastDigest, limit: PAGE };
    const { pins } = await reclaim.listPins(request, { signal });
    const own = pins.filter((pin) => pin.repository === repository);
    for (const { digest } of own) yield digest;
    if (own.length < PAGE) return;
    lastDigest = own.at(-1)?.digest ?? '';
  }
}
