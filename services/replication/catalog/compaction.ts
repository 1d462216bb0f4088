import { setTimeout } from 'node:timers/promises';
import { CompactedError } from '#libs/etcd/errors.ts';
import type { KeyValueStore, Operation } from '#libs/etcd/store.ts';
import type { Clock } from './collaborators.ts';
import { COMPACTION_KEY } from './keys.ts';
import { compactionRecord } from './records.ts';

/** How many times in the history's length each process looks whether it is time. */
const LOOKS = 6;

export interface CompactionOptions {
  readonly etcd: KeyValueStore;
  readonly clock: Clock;
  /** How much of the history is kept, at least; it is at most twice as much and a sixth. */
  readonly historyMs: number;
  readonly onFault: (error: unknown) => void;
}

/**
 * Has etcd drop old history until `signal` aborts. All processes do this; one of them wins each time, by moving the mark that stands in etcd
 * from the revision it then compacts to on to the newest.
 */
export async function compactHistory(options: CompactionOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await compactOnce(options, signal).catch((error: unknown) => {
      if (!signal.aborted) options.onFault(error);
    });
    await setTimeout(options.historyMs / LOOKS, undefined, { signal }).catch(() => undefined);
  }
}

/** Compacts to the mark if it is old enough. Gives the revision, or undefined where it was not time or another process was first. */
export async function compactOnce(
  { etcd, clock, historyMs }: CompactionOptions,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { kvs, revision } = await etcd.range({ key: COMPACTION_KEY }, signal);
  const [mark] = kvs;
  const now = Math.round(clock.nowMs());
  const old = mark === undefined ? undefined : compactionRecord.decode(mark.value, COMPACTION_KEY);
  if (old !== undefined && now - old.markedAtMs < historyMs) return undefined;
  const put: Operation = {
    kind: 'put',
    key: COMPACTION_KEY,
    value: compactionRecord.encode({ revision, markedAtMs: now }),
  };
  const { succeeded } = await etcd.txn(
    {
      compare: [{ key: COMPACTION_KEY, target: 'mod', op: '=', value: mark?.modRevision ?? 0 }],
      then: [put],
    },
    signal,
  );
  if (!succeeded || old === undefined) return undefined;
  try {
    await etcd.compact(old.revision, signal);
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
  }
  return old.revision;
}
