import { bounded } from '#libs/bounded.ts';
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
    withSpan('catalog.barrier', { step: true }, async (span) => {
      using limit = bounded(signal, timeoutMs);
      let wanted = 0;
      try {
        const head = await heads.read(limit.signal);
        wanted = head.revision;
        span.setAttribute('meridian.revision', wanted);
        await untilReached(view, head, limit.signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!limit.isLate) throw error;
        throw wanted === 0 ? quorumSilent(timeoutMs, error) : lagging(wanted, view.position().revision);
      }
    });
}

function quorumSilent(timeoutMs: number, cause: unknown): RegistryError {
  const message = `The answer needs etcd's quorum, which did not answer within ${timeoutMs} ms; try again.`;
  return new RegistryError('UNAVAILABLE', message, { cause, retryAfterSeconds: 5 });
}

/** For whoever needs the view at a revision that it has not reached in time. */
export function lagging(wanted: number, reached: number): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region's copy of the catalog is at revision ${reached} and has not yet received revision ${wanted}; try again.`,
    { retryAfterSeconds: 1 },
  );
}
