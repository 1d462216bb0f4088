import type { Catalog } from '#libs/rpc/contracts.ts';
import type { TransferStatus } from './collaborators.ts';
import type { Staleness } from './staleness.ts';
import type { RegionView, ViewState } from './view/view.ts';

export interface StatusOptions {
  readonly view: ViewState & RegionView;
  readonly staleness: Staleness;
  /** This region's name. */
  readonly region: string;
  readonly transfer: () => TransferStatus;
}

/** `Catalog.Status`: where this region stands, from what this process knows without asking anyone. */
export function createStatus({ view, staleness, region, transfer }: StatusOptions): Catalog['status'] {
  return async () => {
    const { regions, ...lag } = transfer();
    const reach = new Map(regions.map((other) => [other.region, other]));
    return {
      region,
      position: { ...view.position(), stalenessMs: staleness.ms() },
      ...lag,
      regions: view.regions().map(({ name, state }) => ({
        region: name,
        live: name === region || (reach.get(name)?.live ?? false),
        state,
        roundTripMs: reach.get(name)?.roundTripMs ?? 0,
      })),
    };
  };
}
