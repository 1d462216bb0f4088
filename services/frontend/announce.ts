import { bounded } from '#libs/bounded.ts';
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
  const announce = async (blob: AnnounceBlob): Promise<void> => {
    using limit = bounded(options.signal, timeoutMs);
    try {
      await transfer.announce(blob, { signal: limit.signal });
    } catch (error) {
      onFailure(blob, error);
    }
  };
  return (blob) => {
    if (underWay >= maxAnnouncements || options.signal.aborted) return;
    underWay += 1;
    announce(blob)
      .finally(() => (underWay -= 1))
      .catch(() => undefined);
  };
}
