import type { RegionEvent } from '#libs/region-event.ts';
import type { Filling } from '#types/meridian/v1/Filling.ts';
import type { ReconcileStatus } from './reconcile.ts';

export interface TellProgressOptions {
  readonly everyMs: number;
  readonly read: () => ReconcileStatus & { readonly filling: Filling };
  readonly onEvent: (event: RegionEvent) => void;
}

/** Tells how a region fills up, as long as that takes longer than `everyMs`. Gives the function back to stop. */
export function tellProgress({ everyMs, read, onEvent }: TellProgressOptions): () => void {
  let missedBefore = false;
  const look = (): void => {
    const { missingBlobs, missingBytes, filling } = read();
    const { wantedBlobs, wantedBytes, bytesPerSecond, secondsLeft } = filling;
    // What comes in one go, as each push does, is told of blob by blob.
    if (missingBlobs > 0 && missedBefore && bytesPerSecond > 0) {
      onEvent({
        kind: 'filling',
        blobs: wantedBlobs - missingBlobs,
        wantedBlobs,
        bytes: wantedBytes - missingBytes,
        wantedBytes,
        bytesPerSecond,
        secondsLeft,
      });
    }
    missedBefore = missingBlobs > 0;
  };
  const timer = setInterval(look, everyMs);
  return () => clearInterval(timer);
}
