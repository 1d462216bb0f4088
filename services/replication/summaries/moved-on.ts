import { parseDigest } from '#libs/oci/digest.ts';
import { figuresOf, prefixOf, type SummaryTree } from '#libs/summary-tree.ts';

/**
 * Those of the prefixes of four digits under which other blobs were listed than `summary` stands for. Who lists them has moved on since he
 * summed up, and could come back to where he was: then he would tell of no change, so they are to be looked at again.
 */
export function movedOn(
  listed: readonly { readonly digest: string; readonly size: number }[],
  prefixes: readonly string[],
  summary: SummaryTree,
): string[] {
  const blobs = listed.map(({ digest, size }) => ({ digest: parseDigest(digest), size }));
  const under = Map.groupBy(blobs, ({ digest }) => prefixOf(digest));
  return prefixes.filter((prefix) => figuresOf(under.get(prefix) ?? []).hash !== summary.hash(prefix));
}
