import { setTimeout as pause } from 'node:timers/promises';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Catalog, Operations } from '#libs/rpc/contracts.ts';
import type { DurabilityAsked } from '#types/meridian/v1/DurabilityAsked.ts';
import type { ResolveManifest } from '#types/meridian/v1/ResolveManifest.ts';

/** How much of what is asked about one region has. */
export interface RegionState {
  readonly region: string;
  readonly durable: boolean;
  /** Null while the region has not said. */
  readonly missingBlobs: number | null;
  readonly missingBytes: number | null;
  /** Why the region can't say. */
  readonly why?: string;
}

export interface DurabilityQuestion {
  readonly repository: string;
  readonly digest: string;
  readonly position: { readonly catalogId: string; readonly revision: number };
  readonly regions: readonly string[];
  /** How many of the regions are enough. */
  readonly count: number;
  /** How long may still be waited; regions are asked once where that is 0. */
  readonly leftMs: () => number;
}

/** One call to a region waits no longer, so that a region that has gone is noticed. */
const CALL_MS = 5_000;
/** Pauses between calls, doubled while they fail. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** The manifest, as soon as there is one. Throws MANIFEST_UNKNOWN when the time is over. */
export async function untilKnown(
  { catalog }: { readonly catalog: Pick<Catalog, 'findDurability'> },
  request: ResolveManifest,
  leftMs: () => number,
  signal: AbortSignal,
): Promise<DurabilityAsked> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await catalog.findDurability(request, { signal });
    } catch (error) {
      if (leftMs() === 0 || !isPassing(error, 'MANIFEST_UNKNOWN', 'UNAVAILABLE')) throw error;
      await pause(Math.min(pauseMs, leftMs()), undefined, { signal });
    }
  }
}

/**
 * Asks all regions at once, each again until it has everything, and returns when enough have, or when the time or `limitMs` are over. Throws
 * what no waiting helps against, and when `signal` aborts.
 */
export async function followDurability(
  operations: Pick<Operations, 'awaitDurable'>,
  question: DurabilityQuestion,
  limitMs: number,
  signal: AbortSignal,
): Promise<RegionState[]> {
  const states = new Map<string, RegionState>();
  const enough = new AbortController();
  const over = AbortSignal.any([signal, enough.signal, AbortSignal.timeout(limitMs)]);
  const follow = async (region: string): Promise<void> => {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const [state, failed] = await ask(operations, question, region, over);
      states.set(region, state);
      if ([...states.values()].filter(({ durable }) => durable).length >= question.count) enough.abort();
      if (state.durable || over.aborted || question.leftMs() === 0) return;
      if (!failed) pauseMs = FIRST_PAUSE_MS;
      await pause(Math.min(pauseMs, question.leftMs()), undefined, { signal: over }).catch(() => undefined);
    }
  };
  try {
    await Promise.all(question.regions.map(follow));
  } finally {
    enough.abort();
  }
  signal.throwIfAborted();
  return question.regions.map(
    (region) => states.get(region) ?? unknownState(region, 'It has not answered yet.'),
  );
}

/** How the region stands, and whether it could not say. Throws what no waiting helps against. */
async function ask(
  operations: Pick<Operations, 'awaitDurable'>,
  { repository, digest, position, leftMs }: DurabilityQuestion,
  region: string,
  over: AbortSignal,
): Promise<[state: RegionState, failed: boolean]> {
  try {
    const waitMs = Math.ceil(Math.min(leftMs(), CALL_MS));
    const request = { region, repository, digest, ...position, waitMs };
    const answer = await operations.awaitDurable(request, { signal: over });
    const { durable, viewReached, missingBlobs, missingBytes } = answer;
    const why = viewReached
      ? {}
      : { why: `Its copy of the catalog is not at revision ${position.revision} yet.` };
    return [{ region, durable, missingBlobs, missingBytes, ...why }, false];
  } catch (error) {
    if (over.aborted) return [unknownState(region, 'It has not answered yet.'), true];
    if (!isPassing(error, 'UNAVAILABLE', 'TOOMANYREQUESTS')) throw error;
    return [unknownState(region, error.message), true];
  }
}

function unknownState(region: string, why: string): RegionState {
  return { region, durable: false, missingBlobs: null, missingBytes: null, why };
}

function isPassing(error: unknown, ...codes: RegistryError['code'][]): error is RegistryError {
  return error instanceof RegistryError && codes.includes(error.code);
}
