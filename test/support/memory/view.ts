import { RegistryError } from '#libs/oci/errors.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import type { Placements } from '#types/meridian/v1/Placements.ts';
import type { Position } from '#types/meridian/v1/Position.ts';
import { apply, type CatalogState, type Change, type MemoryQuorum } from './catalog-state.ts';

/** A region's copy of the catalog: up to date until it is cut off. */
export interface MemoryView {
  state(): CatalogState;
  position(): Position;
  /** Throws UNAVAILABLE where the quorum can't be reached. */
  barrier(): void;
  frames(signal: AbortSignal): AsyncGenerator<Frame, void, undefined>;
  cutOff(): void;
  reconnect(): void;
}

const FRAME_INTERVAL_MS = 100;

export function memoryView(region: string, quorum: MemoryQuorum): MemoryView {
  const state: CatalogState = new Map();
  let applied = 0;
  let cutOffAt: number | undefined;
  let news = Promise.withResolvers<undefined>();

  const catchUp = (): void => {
    if (cutOffAt !== undefined) return;
    for (const change of quorum.changes.slice(applied)) apply(state, change);
    applied = quorum.head;
    news.resolve(undefined);
    news = Promise.withResolvers();
  };
  quorum.onChange(catchUp);
  catchUp();
  const position = (): Position => ({
    catalogId: quorum.catalogId,
    revision: applied,
    stalenessMs: cutOffAt === undefined ? 0 : Math.round(performance.now() - cutOffAt),
  });

  const standing = (): Pick<Frame, 'regionState' | 'elsewhere'> => ({
    regionState: quorum.regions.get(region)?.state ?? 'removed',
    elsewhere: [...quorum.regions.values()]
      .filter(({ state }) => state === 'active')
      .map((one) => one.region),
  });
  /** Told in every frame. */
  const placements = (): Placements => ({
    rules: (quorum.settings.get('')?.settings.placements ?? []).map((rule) => ({
      ...rule,
      regions: [...rule.regions],
    })),
    repositories: [...quorum.settings].flatMap(
      ([
        repository,
        {
          settings: { regions },
        },
      ]) => (regions === undefined ? [] : [{ repository, regions: [...regions] }]),
    ),
  });
  return {
    state: () => state,
    position,
    barrier: () => {
      if (cutOffAt === undefined) return;
      throw new RegistryError('UNAVAILABLE', `${region} is cut off from the quorum.`, {
        retryAfterSeconds: 2,
      });
    },
    frames: async function* (signal) {
      let told = applied;
      const first = { reset: true, tags: [], repositories: [] };
      yield { position: position(), process: region, ...first, ...standing(), placements: placements() };
      for (;;) {
        await anyOf(news.promise, FRAME_INTERVAL_MS, signal);
        if (signal.aborted) return;
        const changes = quorum.changes.slice(told, applied);
        told = applied;
        const frame = { position: position(), process: region, ...changedBy(changes), ...standing() };
        yield { ...frame, placements: placements() };
      }
    },
    cutOff: () => void (cutOffAt ??= performance.now()),
    reconnect: () => {
      cutOffAt = undefined;
      catchUp();
    },
  };
}

function changedBy(changes: readonly Change[]): Pick<Frame, 'reset' | 'tags' | 'repositories'> {
  return {
    reset: changes.some(({ repository }) => repository === ''),
    tags: changes.flatMap(({ repository, tags }) => tags.map(({ tag }) => ({ repository, tag }))),
    repositories: changes
      .filter(({ put, remove, givenUp, settings }) => put ?? remove ?? givenUp ?? settings)
      .map(({ repository }) => repository),
  };
}

/** Resolves at the promise, after the time, or when the signal aborts. */
async function anyOf(promise: Promise<unknown>, timeMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const end = (): void => resolve(undefined);
  const timer = setTimeout(end, timeMs);
  signal.addEventListener('abort', end, { once: true });
  await Promise.race([promise, over]);
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
}
