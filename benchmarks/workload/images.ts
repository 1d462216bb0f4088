import { createHash } from 'node:crypto';
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { blobDigest, type BlobRecipe } from './blob-bytes.ts';

/** A blob with the name it has in a registry. */
export interface PlannedBlob extends BlobRecipe {
  readonly digest: string;
}

/** An image as it is pushed and pulled; its blobs are recipes, so that it can be passed between processes. */
export interface PlannedImage {
  readonly repository: string;
  readonly tag: string;
  readonly config: PlannedBlob;
  readonly layers: readonly PlannedBlob[];
  readonly manifest: { readonly body: string; readonly digest: string; readonly mediaType: string };
}

export interface ImageRecipe {
  readonly repository: string;
  readonly tag: string;
  readonly seed: string;
  readonly layerBytes: readonly number[];
}

const CONFIG_BYTES = 1_500;

/** Makes an image whose layers are of these sizes; takes as long as hashing them. */
export function planImage({ repository, tag, seed, layerBytes }: ImageRecipe): PlannedImage {
  const layers = layerBytes.map((size, i) => planBlob({ seed: `${seed}/${i}`, size }));
  return imageOf({
    repository,
    tag,
    config: planBlob({ seed: `${seed}/config`, size: CONFIG_BYTES }),
    layers,
  });
}

/** The image of these blobs. */
export function imageOf({
  config,
  layers,
  ...names
}: Pick<PlannedImage, 'repository' | 'tag' | 'config' | 'layers'>): PlannedImage {
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: config.digest, size: config.size },
    layers: layers.map(({ digest, size }) => ({ mediaType: OCI_LAYER_GZIP, digest, size })),
  });
  const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  return { ...names, config, layers, manifest: { body, digest, mediaType: OCI_MANIFEST } };
}

export function planBlob(recipe: BlobRecipe): PlannedBlob {
  return { ...recipe, digest: blobDigest(recipe) };
}

/** The bytes of all that an image names, its manifest's own with them. */
export function bytesOf({ config, layers, manifest }: PlannedImage): number {
  return layers.reduce((sum, { size }) => sum + size, config.size + manifest.body.length);
}
