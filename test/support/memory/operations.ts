import { setTimeout as pause } from 'node:timers/promises';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Operations, Storage } from '#libs/rpc/contracts.ts';
import type { ClusterRegion } from '#types/meridian/v1/ClusterRegion.ts';
import type { Collection } from '#types/meridian/v1/Collection.ts';
import type { Drain } from '#types/meridian/v1/Drain.ts';
import type { RegionStanding } from '#types/meridian/v1/RegionStanding.ts';
import type { Healing } from '#types/meridian/v1/Healing.ts';
import type { MemoryQuorum } from './catalog-state.ts';

const LOOK_EVERY_MS = 10;

/** What operators ask of regions whose collections, verifications and repairs come to an end at once and find nothing. */
export function memoryOperations(regions: ReadonlyMap<string, Storage>, quorum: MemoryQuorum): Operations {
  const collections = new Map<string, Collection>();
  const healings = new Map<string, Healing>();
  const existing = (region: string): string => {
    if (regions.has(region)) return region;
    throw new RegistryError('NAME_UNKNOWN', `There is no region "${region}" in this cluster.`);
  };
  const missingIn = async (
    region: string,
    repository: string,
    digest: string,
    signal: AbortSignal,
  ): Promise<number[]> => {
    const record = quorum.state.get(repository)?.manifests.get(digest);
    if (record === undefined) throw new RegistryError('MANIFEST_UNKNOWN', `There is no manifest ${digest}.`);
    const wanted = new Map([...record.owned, [digest, record.size]]);
    const held = await regions.get(existing(region))?.stat({ digests: [...wanted.keys()] }, { signal });
    for (const blob of held?.blobs ?? []) wanted.delete(blob.digest);
    return [...wanted.values()];
  };
  return {
    awaitDurable: async ({ region, repository, digest, waitMs }, { signal }) => {
      const endMs = performance.now() + waitMs;
      for (;;) {
        const missing = await missingIn(region, repository, digest, signal);
        if (missing.length === 0 || performance.now() >= endMs) {
          const missingBytes = missing.reduce((sum, size) => sum + size, 0);
          const counts = { missingBlobs: missing.length, missingBytes };
          return { region, durable: missing.length === 0, viewReached: true, ...counts };
        }
        await pause(LOOK_EVERY_MS, undefined, { signal });
      }
    },
    getCollection: async ({ region }) => collections.get(existing(region)) ?? collection(region, 0),
    startCollection: async ({ region }) => {
      const ended = collection(existing(region), Date.now());
      collections.set(region, ended);
      return ended;
    },
    getStanding: async ({ region }) => standing(existing(region), quorum.regions.get(region)?.state ?? ''),
    getDrain: async ({ region }) => drain(existing(region), quorum.regions.get(region)),
    checkDrain: async ({ region }) => drain(existing(region), quorum.regions.get(region)),
    getQuorum: async () => {
      throw new RegistryError('UNAVAILABLE', 'There is no etcd.');
    },
    getHealing: async ({ region, work }) =>
      healings.get(`${existing(region)} ${work}`) ?? healing(region, work, '', 0),
    startHealing: async ({ region, work, repository }) => {
      const ended = healing(existing(region), work, repository, Date.now());
      healings.set(`${region} ${work}`, ended);
      return ended;
    },
    async *explainBlobs({ region, digests }) {
      existing(region);
      for (const digest of digests) {
        yield { use: { digest, size: 0, pins: [], unusedSince: 0, condemnedAt: 0 }, namedBy: [], goesAt: 0 };
      }
    },
  };
}

function collection(region: string, at: number): Collection {
  const counts = {
    looked: 0,
    named: 0,
    pinned: 0,
    unused: 0,
    condemned: 0,
    removedBlobs: 0,
    removedBytes: 0,
  };
  return { region, running: false, startedAt: at, finishedAt: at, failure: '', ...counts };
}

/** A region is drained as soon as its label `sole` is no longer there. */
function drain(region: string, record: ClusterRegion | undefined): Drain {
  const state = record?.state ?? 'removed';
  const soleBlobs = Number(record?.labels['sole'] ?? 0);
  return {
    ...{ region, state, running: false, startedAt: 1, finishedAt: 2, revision: record?.version ?? 0 },
    ...{ checkedBlobs: 10, soleBlobs, soleBytes: 100 * soleBlobs, solePins: 0, handedOver: 0 },
    ...{
      openUploads: 0,
      unreachable: [],
      placedHereOnly: [],
      failure: '',
      drained: state === 'draining' && soleBlobs === 0,
    },
  };
}

function standing(region: string, state: string): RegionStanding {
  const filling = { wantedBlobs: 10, wantedBytes: 1000, wantedManifests: 2, missingManifests: 1 };
  return {
    ...{ region, state, position: { catalogId: 'memory', revision: 7, stalenessMs: 3 }, watermark: 5 },
    ...{
      missingBlobs: 4,
      missingBytes: 400,
      lostBlobs: 0,
      blobs: 6,
      bytes: 600,
      freeBytes: 1e9,
      openUploads: 0,
    },
    filling: { ...filling, bytesPerSecond: 100, secondsLeft: 4 },
    ...{ regions: [], copiesWanted: 2, compared: [], underReplicated: null },
    ...{ quarantineBlobs: 0, quarantineBytes: 0, quarantineLifetimeMs: 0, maxQuarantineBytes: 0 },
    scrub: { bytesPerSecond: 0, maxBytesPerSecond: 0, intervalMs: 0, last: null, current: null },
  };
}

function healing(region: string, work: string, repository: string, at: number): Healing {
  return {
    ...{ region, work, repository, running: false, startedAt: at, finishedAt: at, failure: '' },
    ...{ total: 0, checked: 0, bytes: 0, damaged: 0, missing: 0, repaired: 0, lost: 0 },
    ...{ damagedDigests: [], missingDigests: [], lostDigests: [] },
  };
}
