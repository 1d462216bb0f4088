import { join } from 'node:path';
import type { Leases } from '#libs/cache/leases.ts';
import type { EtcdClient } from '#libs/etcd/store.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Operations, Reclaim, Scrub, Storage } from '#libs/rpc/contracts.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { OpenCatalog } from '../catalog/catalog.ts';
import { systemClock } from '../catalog/collaborators.ts';
import { isPlacedIn } from '../catalog/placement.ts';
import { DEFAULT_SETTINGS } from '../catalog/settings.ts';
import { startCollector } from '../collect/collector.ts';
import { createLetGo } from '../collect/let-go.ts';
import { defaultCollectSettings, type CollectSettings } from '../collect/settings.ts';
import { followDamage } from '../healing/follow-damage.ts';
import { createHealer } from '../healing/healer.ts';
import { repairPinned } from '../healing/repair-pinned.ts';
import { tellChanges } from '../membership/changes.ts';
import { startDrainer } from '../membership/drainer.ts';
import { stateOf } from '../membership/own-state.ts';
import { defaultMembershipSettings, type MembershipSettings } from '../membership/settings.ts';
import { defaultTransferSettings, type TransferSettings } from '../settings.ts';
import type { ChangedManifest } from '../transfer/pace.ts';
import type { RunningTransfer } from '../transfer/start-transfer.ts';
import { DEFAULT_RETENTION_INTERVAL_MS, startRetention } from '../retention/retention.ts';
import type { Comparer } from '../summaries/comparer.ts';
import { openUntaggedSince } from '../retention/untagged-since.ts';
import { ownOperations } from './own-region.ts';
import { createOperationsRelay } from './relay.ts';

export interface StartOperationsOptions {
  readonly region: string;
  readonly etcd: EtcdClient;
  readonly leases: Leases;
  readonly storage: Storage;
  readonly reclaim: Reclaim;
  readonly scrub: Scrub;
  readonly collectSettings?: Partial<CollectSettings>;
  readonly membershipSettings?: Partial<MembershipSettings>;
  readonly transferSettings?: Partial<TransferSettings>;
  /** Where this process keeps what is its own; it has to be there. */
  readonly dataDir: string;
  readonly retentionIntervalMs?: number;
  readonly onEvent: OnRegionEvent;
  readonly onFault: (error: unknown) => void;
}

export interface RunningOperations {
  /** This region's, for the others. */
  readonly own: Operations;
  /** Those of all regions, for the front ends. */
  readonly all: Operations;
  stop(): Promise<void>;
}

/** What another region may take to answer. */
const TIMEOUT_MS = 10_000;

/** Wires what operators ask of a region, and starts what goes on by itself. */
export function startOperations(
  { view, barrier, stalenessMs }: Pick<OpenCatalog, 'view' | 'barrier' | 'stalenessMs'>,
  moving: Pick<RunningTransfer, 'directory' | 'status' | 'filling' | 'fetcher' | 'lookAgain'>,
  comparer: Comparer,
  options: StartOperationsOptions,
): RunningOperations {
  const { region, onEvent } = options;
  const { directory, status, filling, fetcher } = moving;
  const settings = { ...defaultCollectSettings, ...options.collectSettings };
  const shared = { ...options, view, barrier, stalenessMs, settings, clock: systemClock };
  const membership = { ...defaultMembershipSettings, ...options.membershipSettings };
  const collector = startCollector({
    ...shared,
    letGo: createLetGo({ region, view, directory, settings: membership }),
    onCollected: ({ removedBlobs: blobs, removedBytes: bytes }) => {
      if (blobs > 0) onEvent({ kind: 'collected', blobs, bytes });
    },
  });
  const retention = startRetention({
    ...shared,
    since: openUntaggedSince(join(options.dataDir, 'untagged.sqlite')),
    intervalMs: options.retentionIntervalMs ?? DEFAULT_RETENTION_INTERVAL_MS,
    commitTimeoutMs: DEFAULT_SETTINGS.commitTimeoutMs,
    onRemoved: (repository, manifests) => onEvent({ kind: 'untagged-removed', repository, manifests }),
  });
  const drainer = startDrainer({
    ...shared,
    directory,
    settings: membership,
    onDrained: () => onEvent({ kind: 'drained' }),
  });
  const untell = tellChanges(view, onEvent);
  const transfer = () => ({ ...status(), filling: filling() });
  const moved = { ...defaultTransferSettings, ...options.transferSettings };
  const mayBeHere = (repository: string): boolean =>
    stateOf(view, region) === 'active' && isPlacedIn(view, parseRepositoryName(repository), region);
  const healer = createHealer({
    ...{ ...moved, ...shared, fetcher, mayBeHere },
    wanted: (repository) =>
      repository === undefined ? view.wantedBlobs(region) : view.wantedIn(region, repository),
    isOwned: (repository, digest) => view.owns(repository, parseDigest(digest)) !== undefined,
    isLive: (name) => directory.find(name)?.live === true,
  });
  const stopping = new AbortController();
  const pinned = repairPinned({ ...shared, fetcher, directory, mayBeHere, settings: moved }, stopping.signal);
  const lookAgain = (manifests?: readonly ChangedManifest[]): void => {
    moving.lookAgain(manifests);
    if (manifests === undefined) pinned.lookAgain();
  };
  const following = followDamage({ ...shared, lookAgain }, stopping.signal);
  const own = ownOperations({ ...shared, collector, drainer, healer, transfer, comparer });
  return {
    own,
    all: createOperationsRelay({ region, own, directory, timeoutMs: TIMEOUT_MS }),
    stop: async () => {
      untell();
      stopping.abort(new Error('The service stops.'));
      const loops = [following, pinned.ended];
      await Promise.all([collector.stop(), retention.stop(), drainer.stop(), healer.stop(), ...loops]);
    },
  };
}
