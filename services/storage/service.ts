import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { Digest } from '#libs/oci/digest.ts';
import type { Reclaim, Scrub, Storage, Uploads } from '#libs/rpc/contracts.ts';
import { storageHandlers } from './blobs/handlers.ts';
import { Ingests } from './blobs/ingests.ts';
import { createOpenBlobs, type OpenBlobs } from './blobs/open-blobs.ts';
import { countInventory, type Inventory } from './blobs/inventory.ts';
import { Publisher, type PinHolder } from './blobs/publisher.ts';
import { Calls } from './calls.ts';
import type { HeldBlob, StorageDriver } from './driver.ts';
import { openFilesystemDriver } from './drivers/filesystem/driver.ts';
import { makeDirectory } from './drivers/filesystem/durable.ts';
import { KeyedMutex } from './keyed-mutex.ts';
import { reclaimHandlers } from './collect/handlers.ts';
import { layoutOf, type Layout } from './layout.ts';
import { createEpoch, type Epoch } from './owner/epoch.ts';
import { openLineage, type LineageStore } from './owner/lineage.ts';
import { openOwnerDatabase } from './owner/database.ts';
import { loadMeta, type Meta } from './owner/meta.ts';
import { openPins, type Pins } from './owner/pins.ts';
import { openReports, type Reports } from './owner/reports.ts';
import { openUnusedBlobs, type UnusedBlobs } from './owner/unused.ts';
import { openUploadRows, type UploadRows } from './owner/uploads.ts';
import { openVerifiedBlobs, type VerifiedBlobs } from './owner/verified.ts';
import { openQuarantinedBlobs } from './owner/quarantined.ts';
import { recover } from './recover.ts';
import { openQuarantine, type Quarantine } from './scrub/quarantine.ts';
import { startScrub, type OnScrub, type RunningScrub } from './scrub/start-scrub.ts';
import type { StorageSettings } from './settings.ts';
import { sweepUploads, type Expired } from './uploads/expiry.ts';
import { uploadsHandlers } from './uploads/handlers.ts';
import { createUploadIds } from './uploads/ids.ts';
import { Sessions } from './uploads/sessions.ts';

export interface StorageOptions {
  readonly dataDir: string;
  readonly region: string;
  readonly settings: StorageSettings;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /** Opens the medium; default: the data directory's file system. */
  readonly openDriver?: (layout: Layout) => Promise<StorageDriver>;
  /** Hears of the disk's errors; callers get UNAVAILABLE with a sentence. */
  readonly onFault?: (error: unknown) => void;
  /** Hears of uploads that ended because no bytes came for too long. */
  readonly onExpired?: (expired: Expired) => void;
  /** Hears of blobs that were re-hashed, and of those found damaged. */
  readonly onScrub?: OnScrub;
}

export interface StorageService {
  readonly storage: Storage;
  readonly uploads: Uploads;
  readonly reclaim: Reclaim;
  readonly scrub: Scrub;
  /** Whether writes can be taken; `why` not is a sentence. */
  ready(): { readonly ready: boolean; readonly why?: string };
  /** Takes no more calls, lets those under way go on for `graceMs`, then ends them and gives up the data directory. */
  stop(graceMs: number): Promise<void>;
}

/**
 * One region's storage on a local directory, which it owns until `stop`. Rejects where the directory can't be used or
 * another process owns it.
 */
export async function openStorage({
  dataDir,
  region,
  settings,
  clock = Date.now,
  openDriver = openFilesystemDriver,
  onFault = () => undefined,
  onExpired = () => undefined,
  onScrub = { checked: () => undefined, damaged: () => undefined },
}: StorageOptions): Promise<StorageService> {
  const layout = layoutOf(dataDir);
  await makeDirectory(layout.root);
  await access(layout.root, constants.R_OK | constants.W_OK | constants.X_OK);
  const owner = await openOwnerDatabase(layout.ownerDatabase, settings.ownerLockWaitMs);
  const background = new AbortController();
  try {
    const meta = await loadMeta(owner);
    const rows = openUploadRows(owner);
    const driver = await openDriver(layout);
    await recover(driver, rows, clock());

    const locks = new KeyedMutex();
    const opened = createOpenBlobs(driver);
    const onTaken = (digest: Digest): Promise<void> => opened.forget(digest);
    const quarantine = await openQuarantine(
      { driver, onTaken, rows: openQuarantinedBlobs(owner), locks, settings, clock, onFault },
      background.signal,
    );
    const inventory = countInventory({ reader: driver, ...settings, onFault }, background.signal);
    const medium = {
      ...{ driver, opened, rows, inventory, locks, quarantine, uploadKey: meta.uploadKey },
      epoch: createEpoch(owner, meta.epoch),
      pins: openPins(owner),
      unused: openUnusedBlobs(owner),
      verified: openVerifiedBlobs(owner),
      lineage: openLineage(owner),
      reports: openReports(owner, () => performance.now()),
    };
    const handlers = compose({ region, settings, clock, onScrub, onFault }, medium, background.signal);
    const sweeping = sweepUploads(
      { driver, rows, sessions: handlers.sessions, settings, clock, onExpired, onFault },
      background.signal,
    );
    const calls = new Calls(region, onFault);
    const unsynced = `${layout.ownerDatabase} could not be synced to disk. Check the disk, then restart.`;
    return {
      storage: calls.watch(handlers.storage, ['read', 'list']),
      uploads: calls.watch(handlers.uploads, []),
      reclaim: calls.watch(handlers.reclaim, []),
      scrub: calls.watch(handlers.scrubbing.scrub, ['verify', 'follow', 'lostPins']),
      ready: () => (owner.commits.failure === undefined ? { ready: true } : { ready: false, why: unsynced }),
      stop: async (graceMs) => {
        background.abort(new Error('The storage is stopping.'));
        await calls.stop(graceMs);
        await Promise.all([sweeping, handlers.scrubbing.ended, quarantine.ended]);
        await driver.close();
        await owner.close();
      },
    };
  } catch (error) {
    await owner.close();
    throw error;
  }
}

interface Medium extends Pick<Meta, 'uploadKey'> {
  readonly epoch: Epoch;
  readonly locks: KeyedMutex;
  readonly quarantine: Quarantine;
  readonly unused: UnusedBlobs;
  readonly verified: VerifiedBlobs;
  readonly lineage: LineageStore;
  readonly reports: Reports;
  readonly driver: StorageDriver;
  readonly opened: OpenBlobs;
  readonly rows: UploadRows;
  readonly pins: Pins;
  readonly inventory: Inventory;
}

type Surroundings = Pick<StorageOptions, 'region' | 'settings'> &
  Required<Pick<StorageOptions, 'clock' | 'onScrub' | 'onFault'>>;

/** So much of its lifetime a pin may have lost before it is written anew. */
const PIN_SLACK = 0.01;

interface Composed {
  readonly storage: Storage;
  readonly uploads: Uploads;
  readonly reclaim: Reclaim;
  readonly scrubbing: RunningScrub;
  readonly sessions: Sessions;
}

function compose(surroundings: Surroundings, medium: Medium, stopping: AbortSignal): Composed {
  const { region, settings, clock } = surroundings;
  const { driver, opened, rows, pins, inventory, uploadKey, epoch } = medium;
  const { unused, lineage, locks, quarantine, verified } = medium;
  const scrubbing = startScrub({ ...surroundings, ...medium }, stopping);
  const pin = async (
    { repository, unlessGivenUp }: PinHolder,
    blobs: readonly HeldBlob[],
  ): Promise<number> => {
    const at = epoch.current();
    if (repository === '' || blobs.length === 0) return at;
    await pins.put(repository, blobs, {
      epoch: at,
      expiresAt: clock() + settings.pinLifetimeMs,
      slackMs: settings.pinLifetimeMs * PIN_SLACK,
      unlessGivenUp,
    });
    return at;
  };
  const publisher = new Publisher({
    ...{ driver, locks, inventory, pin },
    onCome: async (digest) => {
      if (!(await verified.noteCome(digest))) return;
      // It was counted all the time, and now once more.
      inventory.recount(stopping, digest).catch((error: unknown) => {
        if (!stopping.aborted) surroundings.onFault(error);
      });
    },
  });
  const shared = { driver, settings, publisher, rows, clock };

  const ingests = new Ingests(settings.maxConcurrentIngests);
  const { suspect } = scrubbing;
  const storage = storageHandlers({
    ...{ ...shared, opened, ingests, inventory, locks, pins, epoch, suspect, quarantine },
  });

  const ids = createUploadIds(region, uploadKey);
  const findPinned = async (repository: string, digest: Digest): Promise<HeldBlob | undefined> => {
    if (pins.find(repository, [digest], clock()).pinned.length === 0) return undefined;
    const size = await driver.stat(digest);
    return size === undefined ? undefined : { digest, size };
  };
  const sessions = new Sessions({ ids, rows, settings, clock });
  const uploads = uploadsHandlers({ ...shared, ids, sessions, findPinned });
  const reclaim = reclaimHandlers({
    ...{ driver, locks, inventory, ingests, pins, unused, verified, epoch, lineage, clock },
  });
  return { storage, uploads, reclaim, scrubbing, sessions };
}
