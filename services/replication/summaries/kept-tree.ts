import { figuresOf, prefixOf, SummaryTree, type Figures } from '#libs/summary-tree.ts';
import { MAX_PREFIXES, refreshMirror } from '#libs/summary-walk.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { ViewPosition, ViewState, WantedBlob, WantedView } from '../catalog/view/view.ts';
import { movedOn } from './moved-on.ts';
import { first, openWantedTree, type WantedTree } from './wanted-tree.ts';

/** What this region holds of what the catalog wants here. What else it holds does not count. */
export interface KeptTree {
  /** As of the last `refresh`. */
  readonly tree: SummaryTree;
  readonly wanted: Pick<WantedTree, 'tree' | 'manifests'>;
  /**
   * Compares what the view wants with what the storage holds: one small question to the storage where nothing has changed. Gives where the
   * view stood. Whoever asks while that goes on waits for the next.
   */
  refresh(signal: AbortSignal): Promise<ViewPosition>;
  /** The prefixes of four digits under which something wanted was not held at the last `refresh`. */
  lacking(): readonly string[];
  /** What is wanted under a prefix of four digits, as the view has it now. */
  wantedUnder(prefix: string): readonly WantedBlob[];
  /** Those of it that are held. */
  keptUnder(prefixes: readonly string[], signal: AbortSignal): Promise<WantedBlob[]>;
  close(): void;
}

export interface KeptTreeOptions {
  readonly view: ViewState & Pick<WantedView, 'wantedUnder'>;
  readonly region: string;
  readonly storage: Pick<Storage, 'summarize' | 'listUnder'>;
}

export function openKeptTree({ view, region, storage }: KeptTreeOptions): KeptTree {
  /** Prefixes of four digits that are to be compared. */
  const due = new Set<string>();
  const onChanged = (prefix: string): void => void due.add(prefix);
  const wanted = openWantedTree({ view, region, onChanged });
  const held = new SummaryTree();
  const tree = new SummaryTree();
  const lacking = new Set<string>();

  const wantedUnder = (prefix: string): WantedBlob[] => view.wantedUnder(region, prefix);
  /** To be compared again whether or not something seems to have changed there. */
  const unsettled = new Set<string>();

  const keptOf = async (
    blobs: readonly WantedBlob[],
    prefixes: readonly string[],
    signal: AbortSignal,
  ): Promise<WantedBlob[]> => {
    const answer = await storage.listUnder({ prefixes: [...prefixes] }, { signal });
    for (const prefix of movedOn(answer.blobs, prefixes, held)) unsettled.add(prefix);
    const sizes = new Map<string, number>(answer.blobs.map(({ digest, size }) => [digest, size]));
    return blobs.filter(({ digest, size }) => sizes.get(digest) === size);
  };
  const note = (prefix: string, kept: Figures): void => {
    due.delete(prefix);
    tree.set(prefix, kept);
    if (kept.hash === wanted.tree.hash(prefix)) lacking.delete(prefix);
    else lacking.add(prefix);
  };
  /** Compares up to MAX_PREFIXES prefixes. */
  const compare = async (signal: AbortSignal): Promise<void> => {
    const mixed = new Map<string, readonly WantedBlob[]>();
    for (const prefix of first(due, MAX_PREFIXES)) {
      const there = held.hash(prefix);
      const figures = wanted.tree.figures(prefix);
      // Only where both have something, and not the same, is it to be told blob by blob.
      if (there === figures.hash || figures.blobs === 0) note(prefix, figures);
      else if (there === 0n) note(prefix, figuresOf([]));
      else mixed.set(prefix, wantedUnder(prefix));
    }
    for (const [prefix, blobs] of mixed) {
      // The view has moved on; the next turn takes account of that.
      if (figuresOf(blobs).hash !== wanted.tree.hash(prefix)) mixed.delete(prefix);
    }
    if (mixed.size === 0) return;
    const prefixes = [...mixed.keys()];
    const kept = await keptOf([...mixed.values()].flat(), prefixes, signal);
    const byPrefix = Map.groupBy(kept, ({ digest }) => prefixOf(digest));
    for (const prefix of prefixes) note(prefix, figuresOf(byPrefix.get(prefix) ?? []));
  };
  const refresh = async (signal: AbortSignal): Promise<ViewPosition> => {
    const ask = async (known: Parameters<typeof storage.summarize>[0]['known']) =>
      (await storage.summarize({ known }, { signal })).changed;
    for (const prefix of unsettled) due.add(prefix);
    unsettled.clear();
    await refreshMirror(held, ask, onChanged);
    for (;;) {
      const position = await wanted.refresh(signal);
      if (due.size === 0) return position;
      await compare(signal);
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    tree,
    wanted,
    refresh: (signal) => {
      const next = last.then(() => refresh(signal));
      last = next.catch(() => undefined);
      return next;
    },
    lacking: () => [...lacking],
    wantedUnder,
    keptUnder: (prefixes, signal) => keptOf(prefixes.flatMap(wantedUnder), prefixes, signal),
    close: () => wanted.close(),
  };
}
