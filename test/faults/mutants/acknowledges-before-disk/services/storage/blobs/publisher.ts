import { setTimeout as pause } from 'node:timers/promises';
import { Publisher as InTime } from '#services/storage/blobs/publisher.ts';

const LATER_MS = 3_000;

/** Answers while the blob is still on its way to the disk. */
export class Publisher extends InTime {
  override async publish(...all: Parameters<InTime['publish']>): Promise<void> {
    pause(LATER_MS)
      .then(() => super.publish(...all))
      .catch(() => undefined);
  }
}
