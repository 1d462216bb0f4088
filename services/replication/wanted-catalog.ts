import type { RegionView, ViewState, WantedBlob, WantedView } from './catalog/view/view.ts';
import type { ChangedManifest } from './transfer/pace.ts';
import type { WantedCatalog } from './transfer/start-transfer.ts';

type Views = ViewState & RegionView & WantedView;

/** The view as the part sees it that moves blobs into `region`. */
export function wantedCatalog(view: Views, region: string): WantedCatalog {
  return {
    catalogId: () => view.position().catalogId,
    revision: () => view.position().revision,
    regions: () => view.regions().map(({ name, state, endpoint }) => ({ region: name, state, endpoint })),
    wanted: (manifests) => (manifests === undefined ? view.wantedBlobs(region) : contentOf(manifests, view)),
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
