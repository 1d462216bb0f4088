import type { Narrowed } from '../transfer/missing.ts';
import type { KeptTree } from './kept-tree.ts';

/** Beyond so many prefixes of four digits, a look at every blob is no more work. */
const MAX_LACKING = 8_192;
const ORDER = ['manifest', 'config', 'layer'];

/** Finds out by summaries where to look for what is missing here; undefined where that is nearly everywhere. */
export async function narrow(kept: KeptTree, signal: AbortSignal): Promise<Narrowed | undefined> {
  await kept.refresh(signal);
  const prefixes = kept.lacking();
  if (prefixes.length > MAX_LACKING) return undefined;
  const { blobs, bytes } = kept.wanted.tree.figures('');
  const doubtful = prefixes.flatMap((prefix) => kept.wantedUnder(prefix));
  return {
    wanted: { blobs, bytes, manifests: kept.wanted.manifests() },
    doubtful: doubtful.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)),
  };
}
