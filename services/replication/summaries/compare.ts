import { RegistryError } from '#libs/oci/errors.ts';
import { figuresOf, SummaryTree } from '#libs/summary-tree.ts';
import { MAX_PREFIXES, refreshMirror } from '#libs/summary-walk.ts';
import type { Peer } from '#libs/rpc/contracts.ts';
import { hasReached, reachedWithin } from '../catalog/view/reached.ts';
import type { ViewPosition, ViewState, WantedBlob, WantedView } from '../catalog/view/view.ts';
import { movedOn } from './moved-on.ts';
import { first, openWantedTree } from './wanted-tree.ts';

/** What another region lacks of what the catalog wants there. */
export interface Lack {
  readonly blobs: number;
  readonly bytes: number;
  /** Each of them; undefined where there are too many to be told one by one, and the counts come from what both sum up. */
  readonly each: readonly WantedBlob[] | undefined;
}

/** Compares one other region with the catalog, again and again. */
export interface Comparison {
  /** Small questions where nothing has changed since the last time. Throws UNAVAILABLE where the region can't tell, and what `peer` throws. */
  refresh(peer: Pick<Peer, 'summarize' | 'listKept' | 'stat'>, signal: AbortSignal): Promise<Lack>;
  close(): void;
}

export interface ComparisonOptions {
  readonly view: ViewState & Pick<WantedView, 'wantedUnder'>;
  /** The other region. */
  readonly region: string;
  /** How long this process waits for its view to come where the other region's is. */
  readonly viewTimeoutMs: number;
}

/** Prefixes of four digits that are told blob by blob; beyond that, only how many blobs it is. */
const MAX_APART = 1_024;

export function openComparison({ view, region, viewTimeoutMs }: ComparisonOptions): Comparison {
  const due = new Set<string>();
  const onChanged = (prefix: string): void => void due.add(prefix);
  const wanted = openWantedTree({ view, region, onChanged });
  const theirs = new SummaryTree();
  const apart = new Map<string, readonly WantedBlob[]>();
  /** To be compared again whether or not something is told to have changed there. */
  const unsettled = new Set<string>();
  let counts = { blobs: 0, bytes: 0 };

  const summarize = async (
    position: ViewPosition,
    peer: Pick<Peer, 'summarize'>,
    signal: AbortSignal,
  ): Promise<ViewPosition> => {
    let told = position;
    const ask = async (known: Parameters<typeof peer.summarize>[0]['known']) => {
      const { changed, blobs, bytes, catalogId, revision } = await peer.summarize(
        { ...position, known },
        { signal },
      );
      counts = { blobs, bytes };
      told = { catalogId, revision };
      return changed;
    };
    await refreshMirror(theirs, ask, onChanged);
    return told;
  };
  const note = (prefix: string, lacking: readonly WantedBlob[]): void => {
    due.delete(prefix);
    if (lacking.length === 0) apart.delete(prefix);
    else apart.set(prefix, lacking);
  };
  const compare = async (peer: Pick<Peer, 'listKept' | 'stat'>, signal: AbortSignal): Promise<void> => {
    const differing = new Map<string, readonly WantedBlob[]>();
    for (const prefix of first(due, MAX_PREFIXES)) {
      if (theirs.hash(prefix) === wanted.tree.hash(prefix)) note(prefix, []);
      else differing.set(prefix, view.wantedUnder(region, prefix));
    }
    if (differing.size === 0) return;
    const prefixes = [...differing.keys()];
    const { blobs } = await peer.listKept({ prefixes }, { signal });
    const kept = new Set<string>(blobs.map(({ digest }) => digest));
    const doubtful = [...differing.values()].flat().filter(({ digest }) => !kept.has(digest));
    // Its view may not want them yet, and its storage have them all the same.
    const held = await heldOf(doubtful, peer, signal);
    for (const [prefix, all] of differing) {
      const untold = all.filter(({ digest }) => !kept.has(digest));
      note(
        prefix,
        untold.filter(({ digest }) => !held.has(digest)),
      );
      // The region would not tell that it has lost what it does not count.
      if (untold.some(({ digest }) => held.has(digest))) unsettled.add(prefix);
    }
    for (const prefix of movedOn(blobs, prefixes, theirs)) unsettled.add(prefix);
  };
  return {
    refresh: async (peer, signal) => {
      for (const prefix of unsettled) due.add(prefix);
      unsettled.clear();
      const position = await wanted.refresh(signal);
      if (position.revision === 0) throw nothingKnown();
      const told = await summarize(position, peer, signal);
      if (!hasReached(position, told)) await reachedWithin(view, told, viewTimeoutMs, signal);
      await wanted.refresh(signal);
      const tooMany = due.size + apart.size > MAX_APART;
      if (tooMany && countDiffering() > MAX_APART) return { ...shortfall(), each: undefined };
      while (due.size > 0) await compare(peer, signal);
      const each = [...apart.values()].flat();
      const { blobs, bytes } = figuresOf(each);
      return { blobs, bytes, each };
    },
    close: () => wanted.close(),
  };

  function countDiffering(): number {
    for (const prefix of due) if (theirs.hash(prefix) === wanted.tree.hash(prefix)) due.delete(prefix);
    return due.size + apart.size;
  }

  /** What is kept is part of what is wanted. */
  function shortfall(): { blobs: number; bytes: number } {
    const { blobs, bytes } = wanted.tree.figures('');
    return { blobs: Math.max(0, blobs - counts.blobs), bytes: Math.max(0, bytes - counts.bytes) };
  }
}

/** Digests of one question. */
const STAT_PAGE = 500;

async function heldOf(
  blobs: readonly WantedBlob[],
  peer: Pick<Peer, 'stat'>,
  signal: AbortSignal,
): Promise<Set<string>> {
  const sizes = new Map<string, number>(blobs.map(({ digest, size }) => [digest, size]));
  const digests = [...sizes.keys()];
  const held = new Set<string>();
  for (let start = 0; start < digests.length; start += STAT_PAGE) {
    const answer = await peer.stat({ digests: digests.slice(start, start + STAT_PAGE) }, { signal });
    for (const { digest, size } of answer.blobs) if (sizes.get(digest) === size) held.add(digest);
  }
  return held;
}

function nothingKnown(): RegistryError {
  return new RegistryError('UNAVAILABLE', 'This region has no copy of the catalog to compare by yet.');
}
