import { setTimeout as delay } from 'node:timers/promises';
import type { BlobWriter } from '../driver.ts';
import type { IdleUpload, UploadRows } from '../owner/uploads.ts';
import type { StorageSettings } from '../settings.ts';
import type { Sessions } from './sessions.ts';

export interface ExpiryContext {
  readonly driver: BlobWriter;
  readonly rows: UploadRows;
  readonly sessions: Sessions;
  readonly settings: Pick<StorageSettings, 'uploadExpiryMs' | 'maxSweepPauseMs'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Hears of each sweep that ended uploads. */
  readonly onExpired: (expired: Expired) => void;
  /** Hears why a sweep ended early; the next one begins anew. */
  readonly onFault: (error: unknown) => void;
}

export interface Expired {
  readonly uploads: number;
  /** Bytes that were freed. */
  readonly bytes: number;
}

/** Rows that are looked at together. */
const BATCH = 100;
/** Sweeps at least, in the time that an upload may be idle. */
const SWEEPS_PER_EXPIRY = 4;

/** Sweeps now and then until the signal aborts. Never throws. */
export async function sweepUploads(context: ExpiryContext, signal: AbortSignal): Promise<void> {
  const { uploadExpiryMs, maxSweepPauseMs } = context.settings;
  const pauseMs = Math.min(maxSweepPauseMs, uploadExpiryMs / SWEEPS_PER_EXPIRY);
  while (!signal.aborted) {
    await expireUploads(context, signal).catch(context.onFault);
    await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** Ends the uploads that got no bytes for too long, except those that somebody works on at this moment. */
export async function expireUploads(context: ExpiryContext, signal: AbortSignal): Promise<void> {
  const until = context.clock() - context.settings.uploadExpiryMs;
  let [uploads, bytes] = [0, 0];
  let batch: IdleUpload[] = [];
  try {
    do {
      batch = context.rows.idle(until, batch.at(-1), BATCH);
      for (const { id } of batch) {
        if (signal.aborted) return;
        const freed = await expire(context, id, until);
        if (freed === undefined) continue;
        uploads += 1;
        bytes += freed;
      }
    } while (batch.length === BATCH);
  } finally {
    if (uploads > 0) context.onExpired({ uploads, bytes });
  }
}

/** Gives the bytes freed; undefined where the upload is in use, or was since it was found. */
async function expire(
  { driver, rows, sessions }: ExpiryContext,
  id: string,
  until: number,
): Promise<number | undefined> {
  let freed: number | undefined;
  await sessions.holdIfFree(id, async ({ offset }) => {
    if (!rows.isIdle(id, until)) return;
    // Row first: should the process end in between, the next start finds a file that no row names, and removes it.
    await rows.remove(id);
    sessions.forget(id);
    await driver.discard('uploads', id);
    freed = offset;
  });
  return freed;
}
