import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { OCI_CONFIG, OCI_LAYER } from '#libs/oci/mediatype.ts';
import { digestOf, piece, rootOf, type Content, type Piece } from '#test/support/content.ts';
import { imageOf, newMarker, type Marker } from '#test/support/marked-content.ts';
import { pushBlob, send } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';

/** Repositories that have each other's content by mounts, and none of others. */
export interface Family {
  readonly repositories: readonly string[];
  /** In all bytes of its content. */
  readonly marker: Marker;
}

export interface PlacedWorkload {
  readonly regions: readonly { readonly name: string; readonly registry: string }[];
  readonly families: readonly Family[];
  readonly seed: number;
  /** Ends the work; what is under way goes on to its end. */
  readonly signal: AbortSignal;
}

export interface Acknowledged {
  readonly family: Family;
  readonly repository: string;
  readonly image: Content;
}

export interface PlacedWork {
  readonly acknowledged: Acknowledged[];
  pulled: number;
  mounted: number;
  /** Where the content must not be. */
  refused: number;
  /** Or not answered. */
  failed: number;
  /** Answers that no fault excuses. */
  readonly wrong: string[];
}

export function newFamily(...repositories: string[]): Family {
  return { repositories, marker: newMarker() };
}

const CLIENTS_PER_REGION = 2;
const LAYERS = 3;
const LAYER_BYTES = 3_000;
const PUSHES = 0.45;
const MOUNTS = 0.2;
const PAUSE_MS = 60;
const PAUSE_AFTER_FAILURE_MS = 150;
const TIMEOUT_MS = 20_000;

/** Clients in all regions push, mount and pull what the families' repositories have, wherever that may be at the time. */
export async function workWherePlaced(workload: PlacedWorkload): Promise<PlacedWork> {
  const { regions, families, seed, signal } = workload;
  const work: PlacedWork = { acknowledged: [], pulled: 0, mounted: 0, refused: 0, failed: 0, wrong: [] };
  const client = async (registry: string, random: () => number): Promise<void> => {
    const choose = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    while (!signal.aborted) {
      const family = choose(families);
      const ofFamily = work.acknowledged.filter((one) => one.family === family);
      const known = ofFamily[Math.floor(random() * ofFamily.length)];
      const action = random();
      try {
        if (known === undefined || action < PUSHES) {
          await pushNew({ registry, family, repository: choose(family.repositories) }, known, work);
        } else if (action < PUSHES + MOUNTS) {
          await mountImage(registry, known, choose(family.repositories), work);
        } else await pullImage(registry, known, work);
      } catch (error) {
        if (/got 403|gives 403/.test((error as Error).message)) work.refused += 1;
        else {
          work.failed += 1;
          await pause(PAUSE_AFTER_FAILURE_MS);
        }
      }
      await pause(PAUSE_MS * random());
    }
  };
  const randoms = Array.from({ length: CLIENTS_PER_REGION * regions.length }, (_, i) =>
    seededRandom(seed * 100 + i),
  );
  await Promise.all(randoms.map((random, i) => client(regions[i % regions.length]?.registry ?? '', random)));
  return work;
}

interface Place {
  readonly registry: string;
  readonly family: Family;
  readonly repository: string;
}

/** New content, and a layer of what is there. */
async function pushNew(
  { registry, family, repository }: Place,
  known: Acknowledged | undefined,
  work: PlacedWork,
): Promise<void> {
  const marked = (size: number): Buffer => {
    const unit = Buffer.from(`${family.marker} ${randomBytes(200).toString('hex')} `);
    return Buffer.concat(Array.from({ length: Math.ceil(size / unit.length) }, () => unit));
  };
  const layers = Array.from({ length: LAYERS }, () => piece(marked(LAYER_BYTES), OCI_LAYER));
  const reused = known?.image.blobs.at(-1);
  const image = imageOf(
    family.marker,
    newConfig(family.marker),
    reused === undefined || known?.repository !== repository ? layers : [...layers, reused],
  );
  for (const { digest, bytes } of image.blobs) await pushBlob(registry, repository, digest, bytes);
  await publish(registry, { family, repository, image }, work);
}

function newConfig(marker: Marker): Piece {
  return piece(JSON.stringify({ marker, random: randomBytes(8).toString('hex') }), OCI_CONFIG);
}

async function mountImage(
  registry: string,
  known: Acknowledged,
  repository: string,
  work: PlacedWork,
): Promise<void> {
  for (const { digest } of known.image.blobs) {
    const path = `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${known.repository}`;
    const { status } = await send(registry, 'POST', path, limited());
    if (status !== 201) throw new Error(`The mount gives ${status}.`);
  }
  await publish(registry, { ...known, repository }, work);
  work.mounted += 1;
}

async function publish(registry: string, pushed: Acknowledged, work: PlacedWork): Promise<void> {
  const { bytes, mediaType, digest } = rootOf(pushed.image);
  const sent = { ...limited(), headers: { 'content-type': mediaType }, body: bytes };
  const { status } = await send(registry, 'PUT', `/v2/${pushed.repository}/manifests/${digest}`, sent);
  if (status !== 201) throw new Error(`PUT gives ${status}.`);
  work.acknowledged.push(pushed);
}

/** A refusal or a failure is no mistake; that it is not there is, and so are other bytes. */
async function pullImage(
  registry: string,
  { repository, image }: Acknowledged,
  work: PlacedWork,
): Promise<void> {
  const paths = [
    ...image.manifests.map(({ digest }) => [`manifests/${digest}`, digest] as const),
    ...image.blobs.map(({ digest }) => [`blobs/${digest}`, digest] as const),
  ];
  for (const [path, digest] of paths) {
    const { status, body } = await send(registry, 'GET', `/v2/${repository}/${path}`, limited());
    if (status === 404 || (status === 200 && digestOf(body) !== digest)) {
      work.wrong.push(`GET ${registry}/v2/${repository}/${path}: ${status}, ${body.length} bytes`);
    }
    if (status !== 200) throw new Error(`GET gives ${status}.`);
  }
  work.pulled += 1;
}

function limited(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(TIMEOUT_MS) };
}
