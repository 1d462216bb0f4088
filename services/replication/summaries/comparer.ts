import { setTimeout as pause } from 'node:timers/promises';
import { RegistryError } from '#libs/oci/errors.ts';
import type { OnExchange } from '#libs/telemetry/metrics/summaries.ts';
import type { Clock } from '../catalog/collaborators.ts';
import type { View } from '../catalog/view/view.ts';
import { activeOthers } from '../membership/others.ts';
import { stateOf } from '../membership/own-state.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import { openComparison, type Comparison, type Lack } from './compare.ts';
import { countExchange } from './exchange.ts';
import type { KeptTree } from './kept-tree.ts';
import { ownLack } from './own-lack.ts';
import { underReplicated, type UnderReplicated } from './under-replicated.ts';

/** How all regions stand to what the catalog wants in each, by comparing it with what they tell of themselves. */
export interface Comparer {
  /** Other active regions that have answered lately, by name. */
  compared(): readonly Compared[];
  /** Undefined while not all active regions have answered lately. */
  underReplicated(): (UnderReplicated & { readonly ageMs: number }) | undefined;
  stop(): Promise<void>;
}

/** `ageMs` is how long ago that was found. */
export interface Compared extends Pick<Lack, 'blobs' | 'bytes'> {
  readonly region: string;
  readonly ageMs: number;
}

export interface ComparerOptions {
  readonly region: string;
  readonly view: View;
  readonly kept: KeptTree;
  readonly directory: PeerDirectory;
  readonly settings: {
    readonly compareIntervalMs: number;
    readonly compareTimeoutMs: number;
    readonly viewTimeoutMs: number;
  };
  readonly clock: Clock;
  /** This region lacks something, and that was not told before. */
  readonly onLacking: () => void;
  readonly onExchange: OnExchange;
  readonly onFault: (error: unknown) => void;
}

interface Known {
  readonly comparison: Comparison;
  lack?: Lack;
  at: number;
}

/** What is older is not told of as if it were so. */
const MIN_RECENT_MS = 30_000;

/** Compares all the time, until `stop`. */
export function startComparer(options: ComparerOptions): Comparer {
  const { region, view, kept, directory, settings, clock, onFault } = options;
  const stopped = new AbortController();
  const known = new Map<string, Known>();
  let told: { readonly found: UnderReplicated; readonly at: number } | undefined;
  const age = (at: number): number => Math.round(clock.monotonicMs() - at);
  const isRecent = (at: number): boolean =>
    age(at) <= Math.max(MIN_RECENT_MS, 3 * settings.compareIntervalMs);

  const compareWith = async (name: string, one: Known): Promise<Lack | undefined> => {
    const remote = directory.find(name);
    if (remote?.live !== true) return undefined;
    const limits = { signal: stopped.signal, timeoutMs: settings.compareTimeoutMs };
    try {
      const peer = countExchange(remote, options.onExchange);
      one.lack = await ask(name, limits, (limited) => one.comparison.refresh(peer, limited));
      one.at = clock.monotonicMs();
      return one.lack;
    } catch (error) {
      // One that is away can't be compared; one that answers should.
      if (!stopped.signal.aborted && directory.find(name)?.live === true) onFault(error);
      return undefined;
    }
  };
  let toldLacking = '';
  const tellLacking = (): void => {
    const lacking = kept.lacking().length > 0 ? `${kept.wanted.tree.hash('')} ${kept.tree.hash('')}` : '';
    if (lacking !== '' && lacking !== toldLacking) options.onLacking();
    toldLacking = lacking;
  };
  const round = async (): Promise<void> => {
    const at = clock.monotonicMs();
    const others = activeOthers(view, region);
    for (const [name, { comparison }] of known) {
      if (others.includes(name)) continue;
      comparison.close();
      known.delete(name);
    }
    for (const name of others) {
      if (!known.has(name))
        known.set(name, { comparison: openComparison({ ...settings, view, region: name }), at });
    }
    await kept.refresh(stopped.signal);
    tellLacking();
    const lacks = new Map<string, Lack>();
    await Promise.all(
      [...known].map(async ([name, one]) => {
        const lack = await compareWith(name, one);
        if (lack !== undefined) lacks.set(name, lack);
      }),
    );
    if (lacks.size < others.length) return;
    if (stateOf(view, region) === 'active') lacks.set(region, await ownLack(kept, stopped.signal));
    told = { found: underReplicated(lacks, view), at };
  };
  const run = async (): Promise<void> => {
    do {
      await round().catch((error: unknown) => {
        if (!stopped.signal.aborted && !(error instanceof RegistryError)) onFault(error);
      });
    } while (await pausedFor(settings.compareIntervalMs, stopped.signal));
  };
  const running = run();

  return {
    compared: () =>
      [...known].flatMap(([name, { lack, at }]) =>
        lack === undefined || !isRecent(at)
          ? []
          : [{ region: name, blobs: lack.blobs, bytes: lack.bytes, ageMs: age(at) }],
      ),
    underReplicated: () => {
      if (told === undefined || !isRecent(told.at)) return undefined;
      return { ...told.found, ageMs: age(told.at) };
    },
    stop: async () => {
      stopped.abort(new Error('The service stops.'));
      await running;
      for (const { comparison } of known.values()) comparison.close();
    },
  };
}

/** False when `signal` aborts. */
function pausedFor(ms: number, signal: AbortSignal): Promise<boolean> {
  return pause(ms, true, { signal, ref: false }).catch(() => false);
}
