import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { descriptor, piece, type Content, type Piece } from './content.ts';

/** Text that occurs all over the bytes of some content, and nowhere else. */
export type Marker = string;

export function newMarker(): Marker {
  return `marker-${randomBytes(12).toString('hex')}`;
}

/** An image all of whose bytes have the marker every few hundred of them. */
export function markedImage(marker: Marker, seed: string, more: object = {}): Content {
  const config = piece(JSON.stringify({ marker, seed, os: 'linux', rootfs: {} }), OCI_CONFIG);
  const layers = [2_000, 400_000].map((size) => {
    const part = Buffer.concat([Buffer.from(`${marker} ${seed} ${size} `), randomBytes(400)]);
    return piece(Buffer.concat(Array.from({ length: Math.ceil(size / part.length) }, () => part)), OCI_LAYER);
  });
  return imageOf(marker, config, layers, more);
}

/** An image of these, whose manifest has the marker as well. */
export function imageOf(marker: Marker, config: Piece, layers: readonly Piece[], more: object = {}): Content {
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(config),
    layers: layers.map((layer) => descriptor(layer)),
    // In the bytes alone: the catalog, which is everywhere, keeps only fields that it knows.
    marker,
    ...more,
  };
  return { blobs: [config, ...layers], manifests: [piece(JSON.stringify(manifest), OCI_MANIFEST)] };
}

/** The files below a directory that have the marker in them. */
export async function filesWith(directory: string, marker: Marker): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    // Files come and go while they are looked at.
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    if (bytes.includes(marker)) found.push(path);
  }
  return found;
}
