import { randomUUID } from 'node:crypto';
import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Scrub } from '#libs/rpc/contracts.ts';
import type { BlobDamage } from '#types/meridian/v1/BlobDamage.ts';
import type { BlobsVerified } from '#types/meridian/v1/BlobsVerified.ts';
import type { Reports } from '../owner/reports.ts';
import type { ScrubRounds } from '#types/meridian/v1/ScrubRounds.ts';
import { createBytePace } from './byte-pace.ts';
import type { Damages } from './damages.ts';
import { lostPins, type LostPinsContext } from './lost-pins.ts';
import { checkAll, isOn, type RoundsContext } from './rounds.ts';

export interface ScrubContext
  extends
    Pick<RoundsContext, 'driver' | 'scrubber' | 'verified' | 'inventory' | 'clock' | 'rate' | 'onChecked'>,
    LostPinsContext {
  readonly reports: Reports;
  readonly damages: Damages;
  readonly settings: RoundsContext['settings'] & { readonly verifyBytesPerSecond: number };
}

/** Digests of one call. */
const MAX_DIGESTS = 10_000;
/** The longest pause between two messages while there is something to tell. */
const TELL_MS = 200;

/** The contract of proto/meridian/v1/scrub.proto. */
export function scrubHandlers(context: ScrubContext): Scrub {
  const { damages, inventory, reports } = context;
  const instance = randomUUID();
  return {
    verify: ({ digests }, { signal }) => verify(context, parseDigests(digests), signal),
    follow: (_, { signal }) => damages.follow(signal),
    rounds: async () => rounds(context),
    keepReport: async (report) => reports.keep(report),
    getReport: async ({ sort }) => reports.get(sort),
    lostPins: (_, { signal }) => lostPins(context, signal),
    losses: async () => {
      await inventory.counted;
      return { instance, losses: inventory.losses() };
    },
  };
}

function rounds({ verified, rate, settings }: ScrubContext): ScrubRounds {
  const newest = verified.round();
  return {
    bytesPerSecond: rate.bytesPerSecond(),
    maxBytesPerSecond: settings.scrubBytesPerSecond,
    intervalMs: settings.scrubIntervalMs,
    last: verified.lastRound() ?? null,
    current: isOn(newest) ? newest : null,
  };
}

async function* verify(
  context: ScrubContext,
  digests: readonly Digest[],
  signal: AbortSignal,
): AsyncGenerator<BlobsVerified, void, undefined> {
  const { driver, settings, inventory, rate, clock, onChecked } = context;
  const pace = createBytePace(settings.verifyBytesPerSecond, () => performance.now(), rate.add);
  const named = digests.length > 0;
  let found = nothing();
  let toldAt = performance.now();
  for await (const finding of checkAll(context, named ? digests : held(driver, signal), pace, signal)) {
    if (finding.state === 'absent') continue;
    const { digest, size } = finding;
    onChecked(size);
    found.checked += 1;
    found.bytes += size;
    if (finding.state === 'damaged') {
      found.damaged.push({ digest, size, why: finding.why, atMs: clock() });
    }
    if (performance.now() - toldAt < TELL_MS) continue;
    yield found;
    found = nothing();
    toldAt = performance.now();
  }
  if (!named) await inventory.recount(signal);
  yield found;
}

function nothing(): BlobsVerified & { damaged: BlobDamage[] } {
  return { checked: 0, bytes: 0, damaged: [] };
}

async function* held(
  driver: ScrubContext['driver'],
  signal: AbortSignal,
): AsyncGenerator<Digest, void, undefined> {
  for await (const { digest } of driver.list(signal)) yield digest;
}

function parseDigests(texts: readonly string[]): Digest[] {
  if (texts.length <= MAX_DIGESTS) return texts.map(parseDigest);
  throw new RegistryError(
    'TOO_LARGE',
    `The call names ${texts.length} blobs; at most ${MAX_DIGESTS} are accepted.`,
  );
}
