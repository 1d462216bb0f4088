import type { Transfer } from '#libs/rpc/contracts.ts';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';

/** Tells the other regions of a new blob, in the background: it only saves time later, so nothing waits for it and it may fail. */
export type Announce = (blob: AnnounceBlob) => void;

export function createAnnounce(options: {
  transfer: Pick<Transfer, 'announce'>;
  maxAnnouncements: number;
  timeoutMs: number;
  signal: AbortSignal;
  onFailure: (blob: AnnounceBlob, error: unknown) => void;
}): Announce {
  const { transfer, maxAnnouncements, timeoutMs, onFailure } = options;
  let underWay = 0;
  return (blob) => {
    if (underWay >= maxAnnouncements || options.signal.aborted) return;
    underWay += 1;
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
    transfer
      .announce(blob, { signal })
      .catch((error: unknown) => onFailure(blob, error))
      .finally(() => (underWay -= 1))
      .catch(() => undefined);
  };
}
