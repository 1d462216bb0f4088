import { createHash } from 'node:crypto';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { send, type Answer } from './registry-client.ts';

export type Algorithm = 'sha256' | 'sha512';

/** Bytes with the digest that names them. */
export interface Piece {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly mediaType: string;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [field: string]: unknown;
}

/** What is pushed for one image, index or artifact: blobs first, then the manifests, children before parents; the last one is its root. */
export interface Content {
  readonly blobs: readonly Piece[];
  readonly manifests: readonly Piece[];
}

export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** The same bytes for the same seed, and others for any other. */
export function seededBlob(seed: string, size: number): Buffer {
  return createHash('shake256', { outputLength: size }).update(seed).digest();
}

export function piece(bytes: Buffer | string, mediaType: string, algorithm: Algorithm = 'sha256'): Piece {
  const buffer = Buffer.from(bytes);
  return { bytes: buffer, digest: digestOf(buffer, algorithm), mediaType };
}

export function descriptor({ bytes, digest, mediaType }: Piece, more: object = {}): Descriptor {
  return { mediaType, digest, size: bytes.length, ...more };
}

export interface ImageOptions {
  readonly algorithm?: Algorithm;
  readonly layers?: number;
  /** Replaces or adds fields of the manifest. */
  readonly manifest?: object;
  readonly mediaTypes?: { manifest: string; config: string; layer: string };
}

const OCI_IMAGE = { manifest: OCI_MANIFEST, config: OCI_CONFIG, layer: OCI_LAYER_GZIP };

/** An image of small layers. */
export function image(seed: string, options: ImageOptions = {}): Content {
  const { algorithm, layers = 2, mediaTypes = OCI_IMAGE } = options;
  const config = piece(JSON.stringify({ seed, os: 'linux', rootfs: {} }), mediaTypes.config, algorithm);
  const blobs = Array.from({ length: layers }, (_, i) =>
    piece(seededBlob(`${seed}/${i}`, 500 + i), mediaTypes.layer, algorithm),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor(config),
    layers: blobs.map((layer) => descriptor(layer)),
    ...options.manifest,
  };
  const root = piece(JSON.stringify(manifest), mediaTypes.manifest, algorithm);
  return { blobs: [config, ...blobs], manifests: [root] };
}

/** An index of these, whose roots become its children. */
export function indexOf(
  children: readonly Content[],
  more: object = {},
  mediaType = OCI_INDEX,
  algorithm: Algorithm = 'sha256',
): Content {
  const manifests = children.map((child) => descriptor(rootOf(child)));
  const value = { schemaVersion: 2, mediaType, manifests, ...more };
  return {
    blobs: children.flatMap((child) => child.blobs),
    manifests: [
      ...children.flatMap((child) => child.manifests),
      piece(JSON.stringify(value), mediaType, algorithm),
    ],
  };
}

export function rootOf({ manifests }: Content): Piece {
  const root = manifests.at(-1);
  if (root === undefined) throw new Error('The content has no manifest.');
  return root;
}

/** Pushes all of it, children by digest and the root by each of `references`, by its digest where there are none; gives the last answer. */
export async function pushContent(
  registry: string,
  repository: string,
  content: Content,
  ...references: string[]
): Promise<Answer> {
  await Promise.all(content.blobs.map((blob) => pushBlob(registry, repository, blob)));
  const root = rootOf(content);
  for (const child of content.manifests.slice(0, -1)) await pushManifest(registry, repository, child);
  const [first = root.digest, ...others] = references;
  let answer = await pushManifest(registry, repository, root, first);
  for (const reference of others) answer = await pushManifest(registry, repository, root, reference);
  return answer;
}

/** POST with the bytes. */
export async function pushBlob(registry: string, repository: string, blob: Piece): Promise<Answer> {
  const path = `/v2/${repository}/blobs/uploads/?digest=${blob.digest}`;
  return created(await send(registry, 'POST', path, { body: blob.bytes }));
}

export async function pushManifest(
  registry: string,
  repository: string,
  manifest: Piece,
  reference = manifest.digest,
): Promise<Answer> {
  return created(await putManifest(registry, repository, manifest, reference));
}

/** The same, whatever the answer. */
export function putManifest(
  registry: string,
  repository: string,
  { bytes, mediaType }: Piece,
  reference: string,
): Promise<Answer> {
  const headers = { 'content-type': mediaType };
  return send(registry, 'PUT', `/v2/${repository}/manifests/${reference}`, { headers, body: bytes });
}

function created(answer: Answer): Answer {
  if (answer.status === 201) return answer;
  throw new Error(`The push gave ${answer.status}: ${answer.body.toString()}`);
}
