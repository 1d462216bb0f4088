import { setTimeout as pause } from 'node:timers/promises';
import { digestOf } from '#libs/oci/digest.ts';
import { pushBlob, send } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { makeSmallImage, putManifest } from './small-image.ts';

export interface LayerWorkload {
  readonly regions: readonly { readonly name: string; readonly registry: string }[];
  readonly repository: string;
  readonly seed: number;
  /** Ends the work; what is under way goes on to its end. */
  readonly signal: AbortSignal;
  /** Hears of each manifest that was acknowledged. */
  readonly onAcknowledged?: () => void;
}

export interface ReusedLayers {
  /** Manifests that were acknowledged, and that nobody has asked to delete. */
  readonly standing: Set<string>;
  acknowledged: number;
  deleted: number;
  /** Refused, or not answered. */
  failed: number;
}

const POOL = 10;
const PART_OF_POOL = 0.3;
const DELETED = 0.7;
const PAUSE_AFTER_FAILURE_MS = 100;
const TIMEOUT_MS = 20_000;

/**
 * A writer in each region pushes images of the same few layers, which he uploads only where he is told that they are missing, and deletes
 * most of them again: so layers are unused now and then, and used again.
 */
export async function reuseLayers(workload: LayerWorkload): Promise<ReusedLayers> {
  const [, ...pool] = makeSmallImage(
    'pool',
    Array.from({ length: POOL }, (_, i) => 2_000 + i),
  ).blobs;
  const reused: ReusedLayers = { standing: new Set(), acknowledged: 0, deleted: 0, failed: 0 };
  await Promise.all(
    workload.regions.map(({ name, registry }, i) => {
      const random = seededRandom(workload.seed * 100 + i);
      return write({ ...workload, name, registry, random, pool }, reused);
    }),
  );
  return reused;
}

interface Writer extends LayerWorkload {
  readonly name: string;
  readonly registry: string;
  readonly random: () => number;
  readonly pool: readonly Buffer[];
}

async function write(writer: Writer, reused: ReusedLayers): Promise<void> {
  const { name, registry, repository, random, pool, signal } = writer;
  const mine: string[] = [];
  for (let round = 0; !signal.aborted; round++) {
    try {
      const layers = pool.filter(() => random() < PART_OF_POOL);
      const image = makeSmallImage(`${name} ${round}`, [], layers);
      for (const blob of image.blobs) await pushBlob(registry, repository, digestOf(blob), blob);
      const limited = { signal: AbortSignal.timeout(TIMEOUT_MS) };
      const { status } = await putManifest(registry, repository, image.digest, image.manifest, limited);
      if (status !== 201) throw new Error(`PUT gives ${status}.`);
      reused.acknowledged += 1;
      reused.standing.add(image.digest);
      writer.onAcknowledged?.();
      mine.push(image.digest);
      if (random() > DELETED) continue;
      const [chosen = ''] = mine.splice(Math.floor(random() * mine.length), 1);
      reused.standing.delete(chosen);
      const deleted = await send(registry, 'DELETE', `/v2/${repository}/manifests/${chosen}`, limited);
      if (deleted.status !== 202) throw new Error(`DELETE gives ${deleted.status}.`);
      reused.deleted += 1;
    } catch {
      reused.failed += 1;
      await pause(PAUSE_AFTER_FAILURE_MS);
    }
  }
}
