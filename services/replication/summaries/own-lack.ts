import { MAX_PREFIXES } from '#libs/summary-walk.ts';
import { figuresOf } from '#libs/summary-tree.ts';
import type { WantedBlob } from '../catalog/view/view.ts';
import type { Lack } from './compare.ts';
import type { KeptTree } from './kept-tree.ts';

/** Prefixes of four digits that are looked at blob by blob. */
const MAX_LACKING = 1_024;

/** What this region lacks of what the catalog wants here, as of the last `refresh` of what it keeps. */
export async function ownLack(kept: KeptTree, signal: AbortSignal): Promise<Lack> {
  const prefixes = kept.lacking();
  if (prefixes.length > MAX_LACKING) {
    const [wanted, held] = [kept.wanted.tree.figures(''), kept.tree.figures('')];
    return { blobs: wanted.blobs - held.blobs, bytes: wanted.bytes - held.bytes, each: undefined };
  }
  const each: WantedBlob[] = [];
  for (let start = 0; start < prefixes.length; start += MAX_PREFIXES) {
    const page = prefixes.slice(start, start + MAX_PREFIXES);
    const held = new Set((await kept.keptUnder(page, signal)).map(({ digest }) => digest));
    each.push(
      ...page.flatMap((prefix) => kept.wantedUnder(prefix)).filter(({ digest }) => !held.has(digest)),
    );
  }
  const { blobs, bytes } = figuresOf(each);
  return { blobs, bytes, each };
}
