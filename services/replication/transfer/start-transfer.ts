import type { Leases } from '#libs/cache/leases.ts';
import type { Placement } from '#libs/placement.ts';
import { createRecentRate } from '#libs/recent-rate.ts';
import type { Scrub, Storage, Transfer, Uploads } from '#libs/rpc/contracts.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Holder, RegionPins, TransferStatus } from '../catalog/collaborators.ts';
import { openPeerDirectory, type PeerDirectory } from '../peers/directory.ts';
import type { RegionAddress } from '../peers/remote-region.ts';
import type { Filling } from '#types/meridian/v1/Filling.ts';
import type { OnPeerBytes } from '#libs/telemetry/metrics/replication.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import type { TransferSettings } from '../settings.ts';
import { recheck } from '../healing/recheck.ts';
import { createAccuse } from './accuse.ts';
import { createAnnouncements } from './announce.ts';
import { createRoomCheck } from './disk-room.ts';
import { createFetcher, type Fetcher } from './fetch.ts';
import { rememberHeld } from './held-lately.ts';
import { createHolder } from './holder.ts';
import { createLinkShares } from './link-shares.ts';
import { createMayGo } from './may-go.ts';
import type { Narrowed, WantedBlob } from './missing.ts';
import type { ChangedManifest } from './pace.ts';
import { createPeerServer, type PeerTransfer } from './peer-server.ts';
import { createRangeWindows } from './range-window.ts';
import { reach, wayTo } from './reach.ts';
import { createReadAhead } from './read-ahead.ts';
import { createRegionPins } from './region-pins.ts';
import { secondsLeft } from './seconds-left.ts';
import { createSending } from './sending.ts';
import { startReconciler } from './reconcile.ts';
import { createSources } from './sources.ts';
import { createSuspects } from './suspects.ts';
import { tellProgress } from './tell-progress.ts';
import { rememberTold } from './told.ts';
import { createTransferServer } from './transfer-server.ts';
import { createTurns } from './turns.ts';
import { createUploadRelay } from './upload-relay.ts';

/** What moving blobs needs to know of the catalog: this process's own copy of it, as it stands. */
export interface WantedCatalog {
  /** Empty while nothing has been loaded. */
  catalogId(): string;
  /** The newest revision that all of this takes account of; 0 while nothing has been loaded. */
  revision(): number;
  /** This region's collection epoch; 0 while nothing has been loaded. */
  epoch(): number;
  /** All regions, this one among them. */
  regions(): Iterable<RegionAddress>;
  /** The region that the repository's content was pushed to, if that was a short while ago: others may not have it yet. */
  pushedLatelyTo(repository: string, digest: string): string | undefined;
  /** What this region should hold for these manifests, or in all: manifests first, then configs, then layers. */
  wanted(manifests: readonly ChangedManifest[] | undefined): Iterable<WantedBlob>;
  /** Finds out where to look for what is wanted and not held; undefined where that is nearly everywhere. */
  narrow(signal: AbortSignal): Promise<Narrowed | undefined>;
  /** How many other regions must hold what is pushed to the repository through this one. */
  peersAsked(repository: string): number;
  /** The regions that the repository's content may be in; none: all. */
  placement(repository: string): Placement;
  /** Whether there is a region that some content must not be in. */
  placesAnything(): boolean;
  /** Whether the blob may be in the region: a repository that owns it may, or one of those that have it pinned. */
  mayGo(digest: string, region: string, pinners: readonly string[]): boolean;
  /** Calls `listener` after each change; without manifests anything may have changed. Gives the function back to stop. */
  subscribe(listener: (manifests: readonly ChangedManifest[] | undefined) => void): () => void;
}

export interface TransferOptions {
  readonly region: string;
  readonly process: string;
  /** The own region's. */
  readonly storage: Storage;
  readonly uploads: Uploads;
  readonly scrub: Pick<Scrub, 'verify' | 'losses'>;
  readonly catalog: WantedCatalog;
  /** Shared by the region's replication processes. */
  readonly leases: Leases;
  readonly peerTls?: TlsIdentity | undefined;
  readonly settings: TransferSettings;
  readonly onEvent: OnRegionEvent;
  readonly onPeerBytes: OnPeerBytes;
  /** Faults of the program or of other regions, for the log. */
  readonly onFault: (error: unknown) => void;
}

export interface RunningTransfer {
  /** For the region's own front ends. */
  readonly transfer: Omit<Transfer, 'keepElsewhere'>;
  readonly uploads: Uploads;
  /** For the other regions. */
  readonly peer: PeerTransfer;
  /** For the catalog. */
  readonly holder: Holder;
  readonly pins: RegionPins;
  /** The other regions. */
  readonly directory: PeerDirectory;
  readonly fetcher: Fetcher;
  /** What these manifests stand for may not be held any more; without any, anything may not. */
  lookAgain(manifests?: readonly ChangedManifest[]): void;
  status(): TransferStatus;
  /** How this region fills up with what it should hold. */
  filling(): Filling;
  /** Resolves when the other regions have answered, or have not for `meetTimeoutMs`. */
  untilMet(signal: AbortSignal): Promise<void>;
  /** Copies that clients wait for may go on for `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Wires everything that moves blobs between this region and the others, and starts its loops. */
export function startTransfer(options: TransferOptions): RunningTransfer {
  const { region, storage, scrub, catalog, settings, onEvent, onFault } = options;
  const stopping = new AbortController();
  const directory = openPeerDirectory({
    ...options,
    tls: options.peerTls,
    records: () => catalog.regions(),
    catalogId: () => catalog.catalogId(),
    onEvent: (event) => {
      onEvent(event);
      // It may have what no other region has.
      if (event.kind === 'region-back') reconciler.changed();
    },
  });
  const shares = createLinkShares(settings, () => performance.now());
  const sources = createSources({ ...options, directory, shares });
  const suspects = createSuspects(settings.suspectMs);
  const progress = createRecentRate(() => performance.now());
  const readAhead = createReadAhead(settings.readAheadBytes);
  const fetcher = createFetcher({
    storage,
    leases: options.leases,
    sources,
    suspects,
    accuse: createAccuse({ ...settings, directory, suspects, signal: stopping.signal }),
    turns: createTurns(settings),
    onRaised: () => shares.reconsider(),
    readAhead,
    rangeBytes: settings.rangeBytes,
    windowOf: createRangeWindows((name) => wayTo(directory.find(name))),
    requireRoom: createRoomCheck(storage, settings.minFreeBytes),
    onCopied: (copied) => {
      onEvent({ kind: 'replica', ...copied });
      progress.add(copied.size);
      reconciler.copied();
    },
    onFault,
  });
  const epoch = (): number => catalog.epoch();
  const mayGo = createMayGo(catalog, storage);
  const told = rememberTold();
  const heldLately = rememberHeld();
  const announcements = createAnnouncements({
    ...{ region, storage, directory, fetcher, told, readAhead, settings, onFault },
    onPeerBytes: options.onPeerBytes,
    placement: (repository) => catalog.placement(repository),
    peersAsked: (repository) => catalog.peersAsked(repository),
  });
  const reconciler = startReconciler({
    storage,
    recheck: (digests, signal) => recheck(scrub, digests, signal),
    losses: async (signal) => JSON.stringify(await scrub.losses({}, { signal })),
    fetcher,
    revision: () => catalog.revision(),
    wanted: (manifests) => {
      const wanted = catalog.wanted(manifests);
      return manifests === undefined ? wanted : heldLately.except(wanted);
    },
    narrow: (over) => catalog.narrow(over),
    isLive: (name) => directory.find(name)?.live === true,
    pushedLatelyTo: (repository, digest) => catalog.pushedLatelyTo(repository, digest),
    settings,
    onCaughtUp: (whole) => onEvent({ kind: 'caught-up', ...whole }),
    onLost: ({ digest, size }) => onEvent({ kind: 'blob-lost', digest, size }),
    onFault,
  });
  const filling = (): Filling => {
    const { wanted, missing } = reconciler.fill();
    const bytesPerSecond = progress.bytesPerSecond();
    return {
      ...{ wantedBlobs: wanted.blobs, wantedBytes: wanted.bytes, wantedManifests: wanted.manifests },
      ...{ missingManifests: missing.manifests, bytesPerSecond },
      secondsLeft: secondsLeft(missing.bytes, bytesPerSecond),
    };
  };
  const untell = tellProgress({
    everyMs: settings.tellProgressEveryMs,
    read: () => ({ ...reconciler.status(), filling: filling() }),
    onEvent,
  });
  const unsubscribe = catalog.subscribe((manifests) => {
    directory.refresh();
    if (manifests?.length !== 0) reconciler.changed(manifests);
  });

  return {
    transfer: createTransferServer({
      ...{ ...settings, region, fetcher, sources, suspects, announcements },
      placement: (repository) => catalog.placement(repository),
      pushedLatelyTo: (repository, digest) => catalog.pushedLatelyTo(repository, digest),
    }),
    uploads: createUploadRelay({ ...options, ...settings, directory }),
    peer: createPeerServer({
      ...options,
      ...settings,
      catalogId: () => catalog.catalogId(),
      state: () => stateOf(catalog, region),
      epoch,
      fetcher,
      heldLately,
      announcements,
      placement: (repository) => catalog.placement(repository),
      mayGo,
      takesBytes: !hasLimits(settings),
      sending: createSending(settings.makeWayMs, () => performance.now()),
    }),
    holder: createHolder({ ...options, ...settings, fetcher, heldLately, directory, told, epoch }),
    directory,
    fetcher,
    lookAgain: (manifests) => {
      heldLately.forget();
      reconciler.changed(manifests);
    },
    pins: createRegionPins({ ...settings, region, storage, directory }),
    status: () => ({ ...reconciler.status(), regions: directory.nearestFirst().map(reach) }),
    filling,
    untilMet: (signal) => directory.untilMet(settings.meetTimeoutMs, signal),
    stop: async (graceMs) => {
      unsubscribe();
      untell();
      stopping.abort(new Error('The service stops.'));
      announcements.stop();
      await Promise.all([reconciler.stop(), fetcher.stop(graceMs)]);
      directory.stop();
    },
  };
}

/** What is sent unasked can't be held to them. */
function hasLimits({ linkLimits, backgroundLimits }: TransferSettings): boolean {
  return Object.keys(linkLimits).length + Object.keys(backgroundLimits).length > 0;
}

function stateOf(catalog: WantedCatalog, region: string): string {
  if (catalog.catalogId() === '') return '';
  for (const known of catalog.regions()) if (known.region === region) return known.state;
  return 'removed';
}
