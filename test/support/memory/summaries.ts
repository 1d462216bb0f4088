import { parseDigest } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { parseKnown, parsePrefixes } from '#libs/summary-question.ts';
import { prefixOf, SummaryTree } from '#libs/summary-tree.ts';
import { changedSummaries } from '#libs/summary-walk.ts';

/** Summaries of these blobs, by digest, made anew for each question. */
export function memorySummaries(
  blobs: ReadonlyMap<string, Buffer>,
): Pick<Storage, 'summarize' | 'listUnder'> {
  return {
    summarize: async ({ known }) => {
      const summary = new SummaryTree();
      for (const [digest, { length: size }] of blobs) summary.add({ digest: parseDigest(digest), size });
      return { changed: changedSummaries(summary, parseKnown(known)) };
    },
    listUnder: async ({ prefixes }) => {
      const asked = new Set(parsePrefixes(prefixes, [4]));
      const under = [...blobs].filter(([digest]) => asked.has(prefixOf(parseDigest(digest))));
      return { blobs: under.map(([digest, bytes]) => ({ digest, size: bytes.length })) };
    },
  };
}
