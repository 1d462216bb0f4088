import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { tarOf } from './tar.ts';

export interface LayoutDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
  annotations?: Record<string, string>;
}

export interface ImageOptions {
  /** Bytes of file content in each layer. */
  layerBytes: number[];
  /** The same seed gives the same image. */
  seed: string;
  architecture?: string;
}

/** Makes an OCI image layout in `dir` that clients can push; `tag` names the one image in it. Gives the image's descriptor. */
export async function writeImageLayout(
  dir: string,
  tag: string,
  options: ImageOptions,
): Promise<LayoutDescriptor> {
  const image = await writeImage(dir, options);
  await writeLayout(dir, tag, image);
  return image;
}

/** The same for a multi-architecture index. */
export async function writeIndexLayout(
  dir: string,
  tag: string,
  architectures: string[],
  options: ImageOptions,
): Promise<LayoutDescriptor> {
  const manifests: LayoutDescriptor[] = [];
  for (const architecture of architectures) {
    const image = await writeImage(dir, {
      ...options,
      architecture,
      seed: `${options.seed}/${architecture}`,
    });
    manifests.push({ ...image, platform: { os: 'linux', architecture } });
  }
  const index = await writeJson(dir, OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  await writeLayout(dir, tag, index);
  return index;
}

/** The same for an artifact: an empty config, an artifact type and one blob of its own kind. */
export function writeArtifactLayout(dir: string, tag: string, content: Buffer): Promise<LayoutDescriptor> {
  return writeManifestLayout(dir, tag, {
    artifactType: 'application/vnd.example.sbom.v1',
    config: EMPTY_CONFIG,
    layers: [{ mediaType: 'application/vnd.example.sbom.v1+json', bytes: content }],
    annotations: { 'org.opencontainers.image.title': 'sbom' },
  });
}

export interface ManifestOptions {
  artifactType?: string;
  config: NewBlob;
  layers: NewBlob[];
  /** What the manifest refers to. */
  subject?: LayoutDescriptor;
  annotations?: Record<string, string>;
}

export interface NewBlob {
  mediaType: string;
  bytes: Buffer;
  annotations?: Record<string, string>;
}

export const EMPTY_CONFIG: NewBlob = { mediaType: OCI_EMPTY, bytes: Buffer.from('{}') };

/** The same for a manifest of any blobs. */
export async function writeManifestLayout(
  dir: string,
  tag: string,
  { config, layers, ...rest }: ManifestOptions,
): Promise<LayoutDescriptor> {
  await mkdir(join(dir, 'blobs/sha256'), { recursive: true });
  const write = async ({ mediaType, bytes, ...others }: NewBlob): Promise<LayoutDescriptor> => ({
    ...(await writeBlob(dir, mediaType, bytes)),
    ...others,
  });
  const written = { config: await write(config), layers: await Promise.all(layers.map(write)) };
  const manifest = await writeJson(dir, OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    ...written,
    ...rest,
  });
  await writeLayout(dir, tag, manifest);
  return manifest;
}

/** Bytes that look random and don't compress, the same for the same seed, made as they are read. */
export async function* seededBytes(seed: string, size: number): AsyncGenerator<Buffer, void, undefined> {
  const cipher = createCipheriv('aes-128-ctr', createHash('md5').update(seed).digest(), Buffer.alloc(16));
  const zeros = Buffer.alloc(64 * 1024);
  for (let left = size; left > 0; left -= zeros.length) {
    yield cipher.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }
}

async function writeImage(
  dir: string,
  { layerBytes, seed, architecture = 'amd64' }: ImageOptions,
): Promise<LayoutDescriptor> {
  await mkdir(join(dir, 'blobs/sha256'), { recursive: true });
  const layers: LayoutDescriptor[] = [];
  const diffIds: string[] = [];
  for (const [i, size] of layerBytes.entries()) {
    const { layer, diffId } = await writeLayer(dir, `${seed}/${String(i)}`, size);
    layers.push(layer);
    diffIds.push(diffId);
  }
  const rootfs = { type: 'layers', diff_ids: diffIds };
  const config = await writeJson(dir, OCI_CONFIG, { architecture, os: 'linux', config: {}, rootfs });
  return writeJson(dir, OCI_MANIFEST, { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers });
}

/** A gzip of a tar with one file. Stored, not compressed: the content does not compress anyway. */
async function writeLayer(
  dir: string,
  seed: string,
  size: number,
): Promise<{ layer: LayoutDescriptor; diffId: string }> {
  const unpacked = createHash('sha256');
  const packed = createHash('sha256');
  const file = join(dir, `layer-${createHash('md5').update(seed).digest('hex')}`);
  let packedBytes = 0;
  await pipeline(
    Readable.from(tarOf('content', size, seededBytes(seed, size))),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        unpacked.update(chunk);
        yield chunk;
      }
    },
    createGzip({ level: 0 }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        packed.update(chunk);
        packedBytes += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(file),
  );
  const hex = packed.digest('hex');
  await rename(file, join(dir, 'blobs/sha256', hex));
  const layer = { mediaType: OCI_LAYER_GZIP, digest: `sha256:${hex}`, size: packedBytes };
  return { layer, diffId: `sha256:${unpacked.digest('hex')}` };
}

async function writeLayout(dir: string, tag: string, descriptor: LayoutDescriptor): Promise<void> {
  await writeFile(join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const named = { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': tag } };
  await writeFile(join(dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
}

async function writeJson(dir: string, mediaType: string, value: unknown): Promise<LayoutDescriptor> {
  return writeBlob(dir, mediaType, Buffer.from(JSON.stringify(value)));
}

async function writeBlob(dir: string, mediaType: string, bytes: Buffer): Promise<LayoutDescriptor> {
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(dir, 'blobs/sha256', hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

/** The digest of the one image that `dir` holds, and the bytes of all its files checked against their names. */
export async function verifyLayout(dir: string): Promise<{ digest: string; blobs: number }> {
  const index = JSON.parse(await readFile(join(dir, 'index.json'), 'utf8')) as {
    manifests: LayoutDescriptor[];
  };
  const root = index.manifests[0];
  if (root === undefined) throw new Error(`${dir} holds no image`);
  const seen = new Set<string>();
  await verifyContent(dir, root, seen);
  return { digest: root.digest, blobs: seen.size };
}

async function verifyContent(
  dir: string,
  { digest, size }: LayoutDescriptor,
  seen: Set<string>,
): Promise<void> {
  if (seen.has(digest)) return;
  seen.add(digest);
  const path = join(dir, 'blobs', digest.replace(':', '/'));
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  if (`sha256:${hash.digest('hex')}` !== digest || bytes !== size)
    throw new Error(`${path} is not what its name says`);
  if (size > 4 * 1024 * 1024) return;
  for (const child of childrenOf(await readFile(path))) await verifyContent(dir, child, seen);
}

function childrenOf(bytes: Buffer): LayoutDescriptor[] {
  if (bytes[0] !== 0x7b) return [];
  const { config, layers, manifests } = JSON.parse(bytes.toString()) as {
    config?: Partial<LayoutDescriptor>;
    layers?: LayoutDescriptor[];
    manifests?: LayoutDescriptor[];
  };
  const listed = [...(layers ?? []), ...(manifests ?? [])];
  return config?.digest === undefined ? listed : [config as LayoutDescriptor, ...listed];
}
