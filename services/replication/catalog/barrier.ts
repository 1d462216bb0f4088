import { RegistryError } from '#libs/oci/errors.ts';
import { withSpan } from '#libs/telemetry/trace.ts';
import type { HeadReader } from './head.ts';
import { untilReached } from './view/reached.ts';
import type { ViewState } from './view/view.ts';

/**
 * Resolves when the view holds everything that was committed anywhere before the call. Throws UNAVAILABLE when the quorum can't be
 * reached, or the view does not get there, within the deadline.
 */
export type Barrier = (signal: AbortSignal) => Promise<void>;

export function createBarrier(heads: HeadReader, view: ViewState, timeoutMs: number): Barrier {
  return (signal) =>
    withSpan('catalog.barrier', {}, async (span) => {
      const head = await heads.read(signal);
      span.setAttribute('meridian.revision', head.revision);
      if (await untilReached(view, head, timeoutMs, signal)) return;
      throw lagging(head.revision, view.position().revision);
    });
}

/** For whoever needs the view at a revision that it has not reached in time. */
export function lagging(wanted: number, reached: number): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region's copy of the catalog is at revision ${reached} and has not yet received revision ${wanted}; try again.`,
    { retryAfterSeconds: 1 },
  );
}
