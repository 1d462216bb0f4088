import { once } from 'node:events';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import type { Placements } from '#types/meridian/v1/Placements.ts';
import type { TagChange } from '#types/meridian/v1/TagChange.ts';
import type { Staleness } from './staleness.ts';
import type { RegionView, RepositoryView, ViewChange, ViewState } from './view/view.ts';

/** The most tags and repositories that one frame lists; more make it a reset. */
const MAX_LISTED = 1_000;

export interface FollowOptions {
  readonly view: ViewState & RegionView & RepositoryView;
  readonly staleness: Staleness;
  /** This region's name. */
  readonly region: string;
  /** This process's name, another one after each start. */
  readonly process: string;
  readonly frameEveryMs: number;
  /** Ends all streams. */
  readonly stopping: AbortSignal;
}

/** `Catalog.Follow`: the first frame is a reset, and each tells all that changed up to its position since the one before. */
export function createFollow({
  view,
  staleness,
  process,
  region,
  frameEveryMs,
  stopping,
}: FollowOptions): Catalog['follow'] {
  return async function* (_request, { signal }) {
    const changes = collectChanges(view);
    const placements = tellPlacements(view);
    const ended = AbortSignal.any([signal, stopping]);
    try {
      while (!ended.aborted) {
        const position = { ...view.position(), stalenessMs: staleness.ms() };
        const changed = changes.take();
        yield { position, process, ...changed, ...standing(view, region), placements: placements(changed) };
        await changes.next(AbortSignal.any([ended, AbortSignal.timeout(frameEveryMs)]));
      }
    } finally {
      changes.stop();
    }
  };
}

/** What the region is in the cluster, and who takes writes in its place. */
function standing(view: RegionView, region: string): Pick<Frame, 'regionState' | 'elsewhere'> {
  const regions = view.regions();
  const regionState = regions.find(({ name }) => name === region)?.state ?? 'removed';
  if (regionState === 'active') return { regionState, elsewhere: [] };
  const active = regions.filter(({ state }) => state === 'active');
  return {
    regionState,
    elsewhere: active.map(({ name, labels: { registry } }) =>
      registry === undefined ? name : `${name} at ${registry}`,
    ),
  };
}

/** Gives what changes may have made of the placements, where it is something else than the time before. */
function tellPlacements(view: RepositoryView): (changed: Changed) => Placements | null {
  let told: string | undefined;
  return ({ reset, repositories }) => {
    if (told !== undefined && !reset && repositories.length === 0) return null;
    const rules = (view.defaults()?.placements ?? []).map((rule) => ({
      ...rule,
      regions: [...rule.regions],
    }));
    const placed = view.placed().map((one) => ({ ...one, regions: [...one.regions] }));
    const placements = { rules, repositories: placed };
    const text = JSON.stringify(placements);
    // Who is told of a new catalog has forgotten the one before.
    if (text === told && !reset) return null;
    told = text;
    return placements;
  };
}

type Changed = Pick<Frame, 'reset' | 'tags' | 'repositories'>;

interface Changes {
  /** What has changed since the last call. */
  take(): Changed;
  /** Resolves when something has changed, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
  stop(): void;
}

function collectChanges(view: ViewState): Changes {
  const changed = new EventTarget();
  let reset = true;
  let regions = false;
  let tags = new Map<string, TagChange>();
  let repositories = new Set<string>();

  const collect = (change: ViewChange): void => {
    for (const { repository, tag } of change.tags) tags.set(`${repository}:${tag}`, { repository, tag });
    for (const repository of change.repositories) repositories.add(repository);
    for (const { repository } of change.manifests) repositories.add(repository);
    reset ||= change.reset || change.defaults || tags.size > MAX_LISTED || repositories.size > MAX_LISTED;
    if (reset) clear();
    regions ||= change.regions;
    changed.dispatchEvent(new Event('change'));
  };
  const clear = (): void => {
    tags = new Map();
    repositories = new Set();
  };
  const unsubscribe = view.subscribe(collect);

  return {
    take: () => {
      const taken = { reset, tags: [...tags.values()], repositories: [...repositories] };
      reset = false;
      regions = false;
      clear();
      return taken;
    },
    next: async (signal) => {
      if (reset || regions || tags.size > 0 || repositories.size > 0) return;
      await once(changed, 'change', { signal }).catch(() => undefined);
    },
    stop: unsubscribe,
  };
}
