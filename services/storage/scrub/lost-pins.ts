import type { LostPin } from '#types/meridian/v1/LostPin.ts';
import { sizesOf } from '../blobs/publisher.ts';
import type { BlobReader } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { Pins } from '../owner/pins.ts';
import type { Quarantine } from './quarantine.ts';

export interface LostPinsContext {
  readonly driver: BlobReader;
  readonly locks: KeyedMutex;
  readonly pins: Pick<Pins, 'list'>;
  readonly quarantine: Pick<Quarantine, 'has'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** Pins that are looked at together. */
const PAGE = 500;

/** The unexpired pins of blobs that are not held, by repository and digest. */
export async function* lostPins(
  { driver, locks, pins, quarantine, clock }: LostPinsContext,
  signal: AbortSignal,
): AsyncGenerator<LostPin, void, undefined> {
  let last = { repository: '', digest: '' };
  for (;;) {
    signal.throwIfAborted();
    const page = pins.list(last, PAGE, clock());
    // A blob is pinned and published side by side.
    await Promise.all(page.map(({ digest }) => locks.idle(digest)));
    const sizes = await sizesOf(
      driver,
      page.map(({ digest }) => digest),
    );
    for (const [i, { repository, digest, size }] of page.entries()) {
      if (sizes[i] === undefined) yield { repository, digest, size, damaged: quarantine.has(digest) };
    }
    const end = page.at(-1);
    if (end === undefined || page.length < PAGE) return;
    last = end;
  }
}
