import { setTimeout as pause } from 'node:timers/promises';
import type { Digest } from '#libs/oci/digest.ts';
import { figuresOf, partsOf, prefixOf, SummaryTree } from '#libs/summary-tree.ts';
import type { BlobReader, HeldBlob } from '../driver.ts';

/** What is held, summed up: by looking at the start and now and then, and in between by what is published and removed. */
export interface Inventory {
  /** Runs the publishing of a blob that is not held, and counts it. */
  adding(blob: HeldBlob, publish: () => Promise<void>): Promise<void>;
  /** Runs the removal of a blob that is held, and counts it. Waits for the first count, which might not have come to the blob. */
  removing(blob: HeldBlob, remove: () => Promise<void>): Promise<void>;
  /** Resolves when the first count has ended. */
  readonly counted: Promise<void>;
  /** While the first count runs, what it has come by so far. */
  totals(): { blobs: number; bytes: number };
  /** Complete once the first count has ended. */
  readonly summary: SummaryTree;
  /** Grows with each blob removed, and with each look that finds other blobs than there should be. */
  losses(): number;
  /** Looks for what came or went behind this service's back: everywhere, or near one blob. */
  recount(signal: AbortSignal, near?: Digest): Promise<void>;
}

export interface InventoryOptions {
  readonly reader: Pick<BlobReader, 'list'>;
  /** What goes behind the service's back is found within so long. */
  readonly recountIntervalMs: number;
  /** Hears why it could not go on. */
  readonly onFault: (error: unknown) => void;
}

/** Looks at digests that begin with the same two digits, while some of them come or go. */
const MAX_TRIES = 3;

/** Starts to count in the background, and goes on to look for what has changed by itself, until `signal` aborts. */
export function countInventory(options: InventoryOptions, signal: AbortSignal): Inventory {
  const { reader, recountIntervalMs, onFault } = options;
  const summary = new SummaryTree();
  const moves = new Moves();
  let losses = 0;

  /** False where nothing can be said of these digests, since some of them came or went. */
  const look = async (prefix: string, over: AbortSignal): Promise<boolean> => {
    const isStill = moves.watch(prefix);
    const found = new Map(partsOf(prefix).map((part) => [part, [] as HeldBlob[]]));
    for await (const blob of reader.list(over, prefix)) found.get(prefixOf(blob.digest))?.push(blob);
    if (!isStill()) return false;
    let isSame = true;
    for (const [part, blobs] of found) {
      const figures = figuresOf(blobs);
      if (figures.hash === summary.hash(part)) continue;
      summary.set(part, figures);
      isSame = false;
    }
    if (!isSame) losses += 1;
    return true;
  };
  const lookUntilStill = async (prefix: string, tries: number, over: AbortSignal): Promise<void> => {
    for (let left = tries; left > 0 && !(await look(prefix, over)); left--) over.throwIfAborted();
  };
  const count = async (): Promise<void> => {
    for (const prefix of partsOf('')) await lookUntilStill(prefix, Infinity, signal);
  };
  const counted = count().catch((error: unknown) => {
    if (!signal.aborted) onFault(error);
  });
  const recount: Inventory['recount'] = async (over, near) => {
    await counted;
    const prefixes = near === undefined ? partsOf('') : [prefixOf(near).slice(0, 2)];
    for (const prefix of prefixes) await lookUntilStill(prefix, MAX_TRIES, over);
  };
  goOn().catch(onFault);

  async function goOn(): Promise<void> {
    await counted;
    const prefixes = partsOf('');
    for (let i = 0; await pausedFor(recountIntervalMs / prefixes.length, signal); i++) {
      await lookUntilStill(prefixes[i % prefixes.length] ?? '', MAX_TRIES, signal).catch((error: unknown) => {
        if (!signal.aborted) onFault(error);
      });
    }
  }

  return {
    adding: (blob, publish) =>
      moves.during(blob, async () => {
        await publish();
        summary.add(blob);
      }),
    removing: async (blob, remove) => {
      await counted;
      await moves.during(blob, async () => {
        await remove();
        losses += 1;
        summary.remove(blob);
      });
    },
    counted,
    totals: () => {
      const { blobs, bytes } = summary.figures('');
      return { blobs, bytes };
    },
    summary,
    losses: () => losses,
    recount,
  };
}

/** The blobs that come or go just now, by the first two digits. */
class Moves {
  readonly #underWay = new Map<string, number>();
  readonly #begun = new Map<string, number>();

  async during(blob: HeldBlob, work: () => Promise<void>): Promise<void> {
    const prefix = prefixOf(blob.digest).slice(0, 2);
    const underWay = (change: 1 | -1): void =>
      void this.#underWay.set(prefix, (this.#underWay.get(prefix) ?? 0) + change);
    underWay(1);
    this.#begun.set(prefix, (this.#begun.get(prefix) ?? 0) + 1);
    try {
      await work();
    } finally {
      underWay(-1);
    }
  }

  /** Gives what to ask at the end: whether nothing has moved since. */
  watch(prefix: string): () => boolean {
    const wasStill = (this.#underWay.get(prefix) ?? 0) === 0;
    const before = this.#begun.get(prefix);
    return () => wasStill && this.#begun.get(prefix) === before;
  }
}

/** False when `signal` aborts. */
function pausedFor(ms: number, signal: AbortSignal): Promise<boolean> {
  return pause(ms, true, { signal, ref: false }).catch(() => false);
}
