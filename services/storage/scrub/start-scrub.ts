import type { Digest } from '#libs/oci/digest.ts';
import { createRecentRate } from '#libs/recent-rate.ts';
import type { Scrub } from '#libs/rpc/contracts.ts';
import type { BlobDamage } from '#types/meridian/v1/BlobDamage.ts';
import type { Inventory } from '../blobs/inventory.ts';
import type { StorageDriver } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { Pins } from '../owner/pins.ts';
import type { Reports } from '../owner/reports.ts';
import type { VerifiedBlobs } from '../owner/verified.ts';
import type { StorageSettings } from '../settings.ts';
import { Damages } from './damages.ts';
import { scrubHandlers } from './handlers.ts';
import type { Quarantine } from './quarantine.ts';
import { scrubInRounds } from './rounds.ts';
import { Scrubber } from './scrubber.ts';

export interface OnScrub {
  /** A blob of so many bytes was re-hashed. */
  readonly checked: (bytes: number) => void;
  /** A blob went into quarantine. */
  readonly damaged: (damage: BlobDamage) => void;
}

export interface StartScrubOptions {
  readonly driver: StorageDriver;
  readonly quarantine: Quarantine;
  readonly locks: KeyedMutex;
  readonly inventory: Inventory;
  readonly verified: VerifiedBlobs;
  readonly pins: Pins;
  readonly reports: Reports;
  readonly settings: StorageSettings;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly onScrub: OnScrub;
  readonly onFault: (error: unknown) => void;
}

export interface RunningScrub {
  readonly scrub: Scrub;
  /** Looks at once at a blob that could not be read as it should. */
  readonly suspect: (digest: Digest) => void;
  /** Resolves once the rounds have ended after the signal's abort. */
  readonly ended: Promise<void>;
}

/** Starts to look for damage in the background, until `stopping` aborts. */
export function startScrub(options: StartScrubOptions, stopping: AbortSignal): RunningScrub {
  const { onScrub, onFault } = options;
  const damages = new Damages();
  const onDamaged = (damage: BlobDamage): void => {
    onScrub.damaged(damage);
    damages.tell(damage);
  };
  const scrubber = new Scrubber({ ...options, onDamaged });
  const rate = createRecentRate(() => performance.now());
  const context = { ...options, scrubber, rate, damages, onChecked: onScrub.checked, onFault };
  return {
    scrub: scrubHandlers(context),
    suspect: (digest) => scrubber.suspect(digest, stopping),
    ended: scrubInRounds(context, stopping),
  };
}
