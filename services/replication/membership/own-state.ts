import type { RegionView, ViewState } from '../catalog/view/view.ts';

export type RegionState = 'active' | 'draining' | 'removed';

/** What the region is in the cluster, as the view has it. Before anything is loaded, no region is out of the cluster. */
export function stateOf(view: RegionView & ViewState, region: string): RegionState {
  if (view.position().catalogId === '') return 'active';
  return view.regions().find(({ name }) => name === region)?.state ?? 'removed';
}
