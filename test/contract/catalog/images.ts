import { digestOf } from '#libs/oci/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { PushedManifest } from '#types/meridian/v1/PushedManifest.ts';
import type { PushManifest } from '#types/meridian/v1/PushManifest.ts';
import type { TestRegion } from './regions.ts';

/** A manifest as a client makes it, with the blobs it names. */
export interface TestImage {
  readonly descriptor: { readonly mediaType: string; readonly digest: string; readonly size: number };
  readonly bytes: Buffer;
  readonly blobs: readonly { readonly digest: string; readonly bytes: Buffer }[];
}

type Fields = Record<string, unknown>;

/** An image with a config and layers of a few bytes; the same seed gives the same image. */
export function image(
  seed: string,
  { layers = 2, more = {} }: { layers?: number; more?: Fields } = {},
): TestImage {
  const texts = Array.from({ length: layers }, (_, i) => `layer ${i} of ${seed}`);
  const config = Buffer.from(`{"config of":"${seed}"}`);
  const blobs = [config, ...texts.map((text) => Buffer.from(text))].map((bytes) => ({
    digest: digestOf(bytes),
    bytes,
  }));
  const [first, ...rest] = blobs.map(({ digest, bytes }, i) => ({
    mediaType: i === 0 ? OCI_CONFIG : OCI_LAYER_GZIP,
    digest,
    size: bytes.length,
  }));
  return make(OCI_MANIFEST, { config: first, layers: rest, ...more }, blobs);
}

/** An index of images that are pushed already. */
export function index(children: readonly TestImage[], more: Fields = {}): TestImage {
  return make(OCI_INDEX, { manifests: children.map(({ descriptor }) => descriptor), ...more }, []);
}

function make(mediaType: string, fields: Fields, blobs: TestImage['blobs']): TestImage {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes, blobs };
}

/** Stores and pins an image's blobs and its manifest's bytes in the region, as uploads do. */
export function upload(
  { world, region }: TestRegion,
  repository: string,
  { descriptor, bytes, blobs }: TestImage,
): void {
  const storage = world.storages[region];
  for (const blob of blobs) storage.publish(repository, blob.digest, blob.bytes);
  storage.publish(repository, descriptor.digest, bytes);
}

/** Publishes a manifest whose content was uploaded. */
export function publish(
  { catalog }: TestRegion,
  repository: string,
  tags: string[],
  { descriptor }: TestImage,
  more: Partial<PushManifest> = {},
): Promise<PushedManifest> {
  const request = {
    repository,
    tags,
    manifest: { ...descriptor },
    ifMatch: '',
    ifNoneMatch: '',
    pushedBy: 'alice',
    mayRetag: true,
    content: Buffer.alloc(0),
  };
  return catalog.push({ ...request, ...more }, { signal: AbortSignal.timeout(40_000) });
}

/** Uploads and publishes. */
export function push(
  region: TestRegion,
  repository: string,
  tags: string[],
  pushed: TestImage,
  more: Partial<PushManifest> = {},
): Promise<PushedManifest> {
  upload(region, repository, pushed);
  return publish(region, repository, tags, pushed, more);
}
