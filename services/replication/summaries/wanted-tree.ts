import { setImmediate as turn } from 'node:timers/promises';
import { FANOUT, figuresOf, partsOf, prefixOf, SummaryTree } from '#libs/summary-tree.ts';
import type { ViewPosition, ViewState, WantedBlob, WantedView } from '../catalog/view/view.ts';

/** A summary of what the catalog wants in a region, kept up to date with the view: only what has changed is summed up again. */
export interface WantedTree {
  /** As of the last `refresh`. */
  readonly tree: SummaryTree;
  /** Of what is wanted: those that are manifests. */
  manifests(): number;
  /** Takes account of all that the view knows; gives where the view stands in the turn in which it resolves. */
  refresh(signal: AbortSignal): Promise<ViewPosition>;
  close(): void;
}

export interface WantedTreeOptions {
  readonly view: ViewState & Pick<WantedView, 'wantedUnder'>;
  readonly region: string;
  /** Hears of each prefix of four digits that stands for something else now. */
  readonly onChanged: (prefix: string) => void;
}

/** Prefixes of four digits that are summed up between two turns of the event loop. */
const PREFIXES_PER_TURN = 32;
const DIGITS = Array.from({ length: 16 }, (_, i) => i.toString(16));

export function openWantedTree({ view, region, onChanged }: WantedTreeOptions): WantedTree {
  const tree = new SummaryTree();
  const manifests = new Uint16Array(FANOUT * FANOUT);
  let manifestCount = 0;
  const due = new Set<string>();
  /** Prefixes of three digits, after a change that may concern everything. */
  let allDue = threeDigits();

  const unsubscribe = view.subscribe(({ reset, regions, placements, content }) => {
    // Where something is wanted depends on the regions and on where content may be.
    if (reset || regions || placements) allDue = threeDigits();
    else for (const digest of content) due.add(prefixOf(digest));
  });
  const sumUp = (prefix: string, blobs: readonly WantedBlob[]): void => {
    const figures = figuresOf(blobs);
    const leaf = Number.parseInt(prefix, 16);
    const count = blobs.filter(({ kind }) => kind === 'manifest').length;
    manifestCount += count - (manifests[leaf] ?? 0);
    manifests[leaf] = count;
    if (figures.hash === tree.hash(prefix)) return;
    tree.set(prefix, figures);
    onChanged(prefix);
  };
  const sumUpAllUnder = (three: string): void => {
    const blobs = Map.groupBy(view.wantedUnder(region, three), ({ digest }) => prefixOf(digest));
    for (const digit of DIGITS) sumUp(three + digit, blobs.get(three + digit) ?? []);
  };

  return {
    tree,
    manifests: () => manifestCount,
    refresh: async (signal) => {
      while (allDue.length > 0 || due.size > 0) {
        const three = allDue.pop();
        if (three !== undefined) sumUpAllUnder(three);
        for (const prefix of first(due, PREFIXES_PER_TURN)) {
          due.delete(prefix);
          sumUp(prefix, view.wantedUnder(region, prefix));
        }
        await turn(undefined, { signal });
      }
      return view.position();
    },
    close: unsubscribe,
  };
}

export function first<T>(items: Iterable<T>, limit: number): T[] {
  return Iterator.from(items).take(limit).toArray();
}

function threeDigits(): string[] {
  return partsOf('').flatMap((two) => DIGITS.map((digit) => two + digit));
}
