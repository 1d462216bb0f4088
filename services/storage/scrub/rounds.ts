import { setTimeout as pause } from 'node:timers/promises';
import type { Digest } from '#libs/oci/digest.ts';
import type { RecentRate } from '#libs/recent-rate.ts';
import type { Inventory } from '../blobs/inventory.ts';
import type { BlobReader, HeldBlob } from '../driver.ts';
import type { ScrubRound } from '../owner/rounds.ts';
import type { VerifiedBlobs } from '../owner/verified.ts';
import { createBytePace, type BytePace } from './byte-pace.ts';
import type { Finding } from './examine.ts';
import type { Scrubber } from './scrubber.ts';

export interface RoundsContext {
  readonly driver: BlobReader;
  readonly scrubber: Scrubber;
  readonly verified: VerifiedBlobs;
  readonly inventory: Inventory;
  readonly settings: { readonly scrubBytesPerSecond: number; readonly scrubIntervalMs: number };
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Of what is re-hashed. */
  readonly rate: RecentRate;
  /** Hears of each blob looked at. */
  readonly onChecked: (bytes: number) => void;
  readonly onFault: (error: unknown) => void;
}

/** How often it is looked whether a round is due; also the pause after one that failed. */
const LOOK_MS = 10_000;
/** Blobs that a crash may have looked at again. */
const NOTE_BATCH = 64;

/** Scrubs round after round until the signal aborts. A round that a restart cuts short goes on where it was. Never throws. */
export async function scrubInRounds(context: RoundsContext, signal: AbortSignal): Promise<void> {
  const { settings, clock, verified, rate, onFault } = context;
  if (settings.scrubBytesPerSecond === 0) return;
  const pace = createBytePace(settings.scrubBytesPerSecond, () => performance.now(), rate.add);
  while (!signal.aborted) {
    const round = verified.round();
    if (isOn(round) || round.begunAt + settings.scrubIntervalMs <= clock()) {
      await scrubRound(context, pace, signal).catch((error: unknown) => {
        if (!signal.aborted) onFault(error);
      });
    }
    const pauseMs = Math.min(LOOK_MS, Math.max(1, settings.scrubIntervalMs));
    await pause(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

async function scrubRound(context: RoundsContext, pace: BytePace, signal: AbortSignal): Promise<void> {
  const { driver, verified, inventory, clock } = context;
  if (!isOn(verified.round())) await verified.beginRound(clock());
  const { begunAt } = verified.round();
  const unlooked = async function* (): AsyncGenerator<Digest, void, undefined> {
    for await (const { digest } of driver.list(signal))
      if (!verified.isVerified(digest, begunAt)) yield digest;
  };
  for await (const finding of checkAll(context, unlooked(), pace, signal)) {
    if (finding.state !== 'absent') context.onChecked(finding.size);
  }
  await verified.endRound(clock());
  // What was lost behind this service's back counts no longer.
  await inventory.recount(signal);
}

export function isOn({ begunAt, endedAt }: ScrubRound): boolean {
  return begunAt > 0 && endedAt === 0;
}

/** Checks blob after blob and notes those that are whole. */
export async function* checkAll(
  { scrubber, verified, clock }: Pick<RoundsContext, 'scrubber' | 'verified' | 'clock'>,
  digests: AsyncIterable<Digest> | Iterable<Digest>,
  pace: BytePace,
  signal: AbortSignal,
): AsyncGenerator<Finding & { readonly digest: Digest }, void, undefined> {
  let whole: HeldBlob[] = [];
  const note = async (): Promise<void> => {
    const batch = whole;
    whole = [];
    if (batch.length > 0) await verified.note(batch, clock());
  };
  try {
    for await (const digest of digests) {
      signal.throwIfAborted();
      const finding = await scrubber.check(digest, pace, signal);
      if (finding.state === 'whole') whole.push({ digest, size: finding.size });
      if (whole.length >= NOTE_BATCH) await note();
      yield { digest, ...finding };
    }
  } finally {
    await note();
  }
}
