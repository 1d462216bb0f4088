import { parseRepositoryName } from '#libs/oci/name.ts';
import { settingsInView } from './catalog/configure/effective.ts';
import { peersAsked } from './catalog/push/durability.ts';
import type { RegionView, RepositoryView, ViewState, WantedBlob, WantedView } from './catalog/view/view.ts';
import { stateOf } from './membership/own-state.ts';
import type { KeptTree } from './summaries/kept-tree.ts';
import { narrow } from './summaries/narrow.ts';
import type { ChangedManifest } from './transfer/pace.ts';
import type { WantedCatalog } from './transfer/start-transfer.ts';

type Views = ViewState & RegionView & RepositoryView & WantedView;

/** The view as the part sees it that moves blobs into `region`. */
export function wantedCatalog(view: Views, region: string, kept: KeptTree): WantedCatalog {
  return {
    catalogId: () => view.position().catalogId,
    revision: () => view.position().revision,
    epoch: () => view.epoch(region) ?? 0,
    regions: () => view.regions().map(({ name, state, endpoint }) => ({ region: name, state, endpoint })),
    wanted: (manifests) => {
      // A region that leaves gets nothing new, and misses nothing.
      if (stateOf(view, region) !== 'active') return [];
      return manifests === undefined ? view.wantedBlobs(region) : contentOf(manifests, view);
    },
    narrow: async (signal) => (stateOf(view, region) === 'active' ? narrow(kept, signal) : undefined),
    peersAsked: (repository) => {
      const { durability } = settingsInView(view, parseRepositoryName(repository));
      const active = view.regions().filter(({ state }) => state === 'active');
      return peersAsked(
        durability,
        active.map(({ name }) => name),
        region,
      );
    },
    subscribe: (listener) =>
      view.subscribe(({ reset, regions, manifests }) => listener(reset || regions ? undefined : manifests)),
  };
}

/** What these manifests stand for: of those removed, nothing. */
function* contentOf(
  manifests: readonly ChangedManifest[],
  view: WantedView,
): Generator<WantedBlob, void, undefined> {
  for (const { repository, digest } of manifests) yield* view.wantedOf(repository, digest);
}
