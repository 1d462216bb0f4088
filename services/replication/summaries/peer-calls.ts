import { RegistryError } from '#libs/oci/errors.ts';
import type { Peer } from '#libs/rpc/contracts.ts';
import { parseKnown, parsePrefixes } from '#libs/summary-question.ts';
import { changedSummaries } from '#libs/summary-walk.ts';
import { reachedWithin } from '../catalog/view/reached.ts';
import type { ViewState } from '../catalog/view/view.ts';
import type { KeptTree } from './kept-tree.ts';

export interface SummaryCallsOptions {
  readonly view: ViewState;
  readonly kept: KeptTree;
  /** How long an answer waits for the view to come where the asker's is. */
  readonly viewTimeoutMs: number;
}

/** What this region tells the others of what it keeps. */
export function summaryCalls({
  view,
  kept,
  viewTimeoutMs,
}: SummaryCallsOptions): Pick<Peer, 'summarize' | 'listKept'> {
  return {
    summarize: async ({ catalogId, revision, known }, { signal }) => {
      const asked = parseKnown(known);
      await reachedWithin(view, { catalogId, revision }, viewTimeoutMs, signal);
      const position = await kept.refresh(signal);
      if (position.catalogId !== catalogId) throw otherCatalog(position.catalogId, catalogId);
      const { blobs, bytes } = kept.tree.figures('');
      return { ...position, blobs, bytes, changed: changedSummaries(kept.tree, asked) };
    },
    listKept: async ({ prefixes }, { signal }) => {
      const blobs = await kept.keptUnder(parsePrefixes(prefixes, [4]), signal);
      return { blobs: blobs.map(({ digest, size }) => ({ digest, size })) };
    },
  };
}

function otherCatalog(own: string, asked: string): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region knows the catalog "${own}", but was asked by the catalog "${asked}".`,
    { retryAfterSeconds: 5 },
  );
}
