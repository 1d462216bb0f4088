import type { Scrub, Storage } from '#libs/rpc/contracts.ts';
import type { Filling } from '#types/meridian/v1/Filling.ts';
import type { RegionStanding } from '#types/meridian/v1/RegionStanding.ts';
import type { TransferStatus } from '../catalog/collaborators.ts';
import type { RegionView, RepositoryView, ViewState } from '../catalog/view/view.ts';
import { settingsInView } from '../catalog/configure/effective.ts';
import { regionsAsked } from '../catalog/push/durability.ts';
import type { Comparer } from '../summaries/comparer.ts';
import { activeOthers } from './others.ts';
import { stateOf } from './own-state.ts';

export interface StandingOptions {
  readonly region: string;
  readonly view: ViewState & RegionView & RepositoryView;
  readonly stalenessMs: () => number;
  readonly storage: Pick<Storage, 'stats'>;
  readonly scrub: Pick<Scrub, 'rounds'>;
  readonly transfer: () => TransferStatus & { readonly filling: Filling };
  readonly comparer: Pick<Comparer, 'compared' | 'underReplicated'>;
}

/** Where this region stands, from what it knows without asking another. */
export async function readStanding(
  { region, view, stalenessMs, storage, scrub, transfer, comparer }: StandingOptions,
  signal: AbortSignal,
): Promise<RegionStanding> {
  const [{ uploads, ...stats }, rounds] = await Promise.all([
    storage.stats({}, { signal }),
    scrub.rounds({}, { signal }),
  ]);
  const { regions, ...status } = transfer();
  const reach = new Map(regions.map((other) => [other.region, other]));
  return {
    region,
    state: stateOf(view, region),
    position: { ...view.position(), stalenessMs: stalenessMs() },
    ...status,
    ...{ ...stats, openUploads: uploads, scrub: rounds },
    copiesWanted: regionsAsked(settingsInView(view).durability, activeOthers(view, '')),
    compared: [...comparer.compared()],
    underReplicated: comparer.underReplicated() ?? null,
    regions: view.regions().map(({ name, state }) => ({
      region: name,
      live: name === region || (reach.get(name)?.live ?? false),
      state,
      roundTripMs: reach.get(name)?.roundTripMs ?? 0,
    })),
  };
}
