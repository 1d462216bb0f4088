import { setTimeout as pause } from 'node:timers/promises';
import { failpoint } from '#libs/failpoint.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { BlobQuarantine, HeldBlob } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { QuarantinedBlobs } from '../owner/quarantined.ts';

/** What was taken from among the whole blobs, for people to look at, for a time and up to a size. */
export interface Quarantine {
  /** Takes the blob there; whoever calls has its lock. */
  take(blob: HeldBlob): Promise<void>;
  has(digest: Digest): boolean;
  totals(): { readonly blobs: number; readonly bytes: number };
  /** Resolves after the signal's abort. */
  readonly ended: Promise<void>;
}

export interface QuarantineOptions {
  readonly driver: BlobQuarantine;
  /** Hears of each blob that is not among the whole ones any more. */
  readonly onTaken: (digest: Digest) => Promise<void>;
  readonly rows: QuarantinedBlobs;
  readonly locks: KeyedMutex;
  readonly settings: { readonly quarantineLifetimeMs: number; readonly maxQuarantineBytes: number };
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly onFault: (error: unknown) => void;
}

/** The longest pause between two looks for what has been there long enough. */
const MAX_LOOK_MS = 10 * 60 * 1000;

/** Opens what a crash may have left: files that nobody noted are noted now, notes without a file are forgotten. Removes until `stopping` aborts. */
export async function openQuarantine(
  { driver, onTaken, rows, locks, settings, clock, onFault }: QuarantineOptions,
  stopping: AbortSignal,
): Promise<Quarantine> {
  await settle(driver, rows, clock(), stopping);
  const { quarantineLifetimeMs: lifetimeMs, maxQuarantineBytes: maxBytes } = settings;
  let wake = Promise.withResolvers<undefined>();

  const sweep = async (): Promise<void> => {
    const all = rows.all();
    let bytes = all.reduce((sum, { size }) => sum + size, 0);
    for (const { digest, size, at } of all) {
      stopping.throwIfAborted();
      if (at + lifetimeMs > clock() && bytes <= maxBytes) return;
      bytes -= size;
      await locks.run([digest], async () => {
        // It may have been taken there anew.
        if (rows.since(digest) !== at) return;
        await driver.discardQuarantined(digest);
        failpoint('quarantine.removed');
        await rows.forget(digest);
      });
    }
  };
  const run = async (): Promise<void> => {
    while (!stopping.aborted) {
      await sweep().catch((error: unknown) => {
        if (!stopping.aborted) onFault(error);
      });
      const pauseMs = Math.min(MAX_LOOK_MS, Math.max(1, lifetimeMs));
      await Promise.race([wake.promise, pause(pauseMs, undefined, { signal: stopping, ref: false })]).catch(
        () => undefined,
      );
      wake = Promise.withResolvers();
    }
  };
  return {
    take: async (blob) => {
      await driver.quarantine(blob.digest);
      await onTaken(blob.digest);
      failpoint('quarantine.moved');
      await rows.note(blob, clock());
      wake.resolve(undefined);
    },
    has: (digest) => rows.since(digest) !== undefined,
    totals: () => rows.totals(),
    ended: run(),
  };
}

async function settle(
  driver: BlobQuarantine,
  rows: QuarantinedBlobs,
  now: number,
  signal: AbortSignal,
): Promise<void> {
  const unseen = new Set(rows.all().map(({ digest }) => digest));
  for await (const blob of driver.listQuarantined(signal)) {
    if (!unseen.delete(blob.digest)) await rows.note(blob, now);
  }
  for (const digest of unseen) await rows.forget(digest);
}
