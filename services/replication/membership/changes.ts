import type { OnRegionEvent } from '#libs/region-event.ts';
import type { RegionView, ViewState } from '../catalog/view/view.ts';

/** Tells of regions that come, drain, go on, and leave, as the view learns of it. Gives the function back to stop. */
export function tellChanges(view: ViewState & RegionView, onEvent: OnRegionEvent): () => void {
  let known = statesOf(view);
  return view.subscribe(({ reset, regions }) => {
    if (!reset && !regions) return;
    const now = statesOf(view);
    if (!reset && known.size > 0) {
      for (const [region, state] of now) {
        const before = known.get(region);
        if (before === undefined) onEvent({ kind: 'region-added', region });
        else if (before !== state) onEvent({ kind: 'region-state', region, state });
      }
      for (const region of known.keys()) if (!now.has(region)) onEvent({ kind: 'region-removed', region });
    }
    known = now;
  });
}

function statesOf(view: RegionView): Map<string, 'active' | 'draining'> {
  return new Map(view.regions().map(({ name, state }) => [name, state]));
}
