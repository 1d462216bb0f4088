import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { placementBy, settingsInView } from './catalog/configure/effective.ts';
import { placedHere, placementInView, placesAnything } from './catalog/placement.ts';
import { peersAsked } from './catalog/push/durability.ts';
import type {
  ManifestView,
  OwnershipView,
  RegionView,
  RepositoryView,
  ViewState,
  WantedBlob,
  WantedView,
} from './catalog/view/view.ts';
import { stateOf } from './membership/own-state.ts';
import { pushedLatelyTo } from './pushed-lately.ts';
import type { KeptTree } from './summaries/kept-tree.ts';
import { narrow } from './summaries/narrow.ts';
import type { ChangedManifest } from './transfer/pace.ts';
import type { WantedCatalog } from './transfer/start-transfer.ts';

type Views = ViewState & ManifestView & OwnershipView & RegionView & RepositoryView & WantedView;

/** The view as the part sees it that moves blobs into `region`. */
export function wantedCatalog(
  view: Views,
  region: string,
  kept: KeptTree,
  nowMs: () => number,
): WantedCatalog {
  return {
    catalogId: () => view.position().catalogId,
    revision: () => view.position().revision,
    epoch: () => view.epoch(region) ?? 0,
    regions: () => view.regions().map(({ name, state, endpoint }) => ({ region: name, state, endpoint })),
    pushedLatelyTo: (repository, digest) =>
      pushedLatelyTo(view, parseRepositoryName(repository), parseDigest(digest), nowMs()),
    wanted: (manifests) => {
      // A region that leaves gets nothing new, and misses nothing.
      if (stateOf(view, region) !== 'active') return [];
      return manifests === undefined ? view.wantedBlobs(region) : contentOf(manifests, view, region);
    },
    narrow: async (signal) => (stateOf(view, region) === 'active' ? narrow(kept, signal) : undefined),
    peersAsked: (text) => {
      const repository = parseRepositoryName(text);
      const settings = settingsInView(view, repository);
      const active = view.regions().filter(({ state }) => state === 'active');
      const names = active.map(({ name }) => name);
      return peersAsked(settings.durability, names, region, placementBy(settings, repository));
    },
    placement: (repository) => placementInView(view, parseRepositoryName(repository)),
    mayGo: (digest, to, pinners) => {
      const placed = placedHere(view, to);
      return (
        placed.blob(parseDigest(digest)) ||
        pinners.some((name) => placed.repository(parseRepositoryName(name)))
      );
    },
    placesAnything: () => placesAnything(view),
    subscribe: (listener) =>
      view.subscribe(({ reset, regions, placements, manifests }) =>
        listener(reset || regions || placements ? undefined : manifests),
      ),
  };
}

/** What these manifests stand for: of those removed, nothing. */
function* contentOf(
  manifests: readonly ChangedManifest[],
  view: Views,
  region: string,
): Generator<WantedBlob, void, undefined> {
  const placed = placedHere(view, region);
  for (const { repository, digest } of manifests) {
    if (placed.repository(repository)) yield* view.wantedOf(repository, digest);
  }
}
