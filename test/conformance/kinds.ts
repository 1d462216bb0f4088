import {
  DOCKER_CONFIG,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  OCI_EMPTY,
  OCI_FOREIGN_LAYER,
  OCI_FOREIGN_LAYER_GZIP,
  OCI_INDEX,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from '#libs/oci/mediatype.ts';
import {
  descriptor,
  digestOf,
  image,
  indexOf,
  piece,
  seededBlob,
  type Content,
  type ImageOptions,
  type Piece,
} from '#test/support/content.ts';

const ARTIFACT = 'application/vnd.example.sbom.v1';
const DOCKER: Required<ImageOptions>['mediaTypes'] = {
  manifest: DOCKER_MANIFEST,
  config: DOCKER_CONFIG,
  layer: DOCKER_LAYER_GZIP,
};
const emptyConfig = piece('{}', OCI_EMPTY);

/** Every kind of content that clients push; another for every seed. */
export const kinds: Readonly<Record<string, (seed: string) => Content>> = {
  'an image': (seed) => image(seed),
  'an image of sha512 digests': (seed) => image(seed, { algorithm: 'sha512' }),
  'an image of one layer twice': (seed) => {
    const layer = piece(seededBlob(seed, 600), OCI_LAYER_GZIP);
    return artifact(seed, [layer], { layers: [descriptor(layer), descriptor(layer)] });
  },
  'an image of many layers': (seed) => image(seed, { layers: 20 }),
  'an image without layers': (seed) => image(seed, { layers: 0 }),
  'an uncompressed image': (seed) =>
    image(seed, {
      mediaTypes: {
        manifest: OCI_MANIFEST,
        config: 'application/vnd.oci.image.config.v1+json',
        layer: OCI_LAYER,
      },
    }),
  'an image without mediaType': (seed) => image(seed, { manifest: { mediaType: undefined } }),
  'an image with annotations': (seed) =>
    image(seed, { manifest: { annotations: { 'org.example.note': 'ä ≠ 🦫 \\ "' } } }),
  'an image with data in its descriptors': (seed) => {
    const layer = piece(seededBlob(seed, 100), OCI_LAYER_GZIP);
    const layers = [descriptor(layer, { data: layer.bytes.toString('base64') })];
    return artifact(seed, [layer], { layers });
  },
  'an image with fields of its own': (seed) =>
    image(seed, { manifest: { 'org.example.field': { deep: [1, null, { x: true }] }, extra: seed } }),
  'an image with layers that are not distributed': (seed) => {
    const layer = piece(seededBlob(seed, 100), OCI_LAYER_GZIP);
    const foreign = [OCI_FOREIGN_LAYER, OCI_FOREIGN_LAYER_GZIP].map((mediaType) => ({
      mediaType,
      digest: digestOf(`${seed} ${mediaType}`),
      size: 123_456,
      urls: ['https://store.example.com/layer'],
    }));
    return artifact(seed, [layer], { layers: [...foreign, descriptor(layer)] });
  },
  'an image of the empty blob': (seed) => artifact(seed, [piece('', OCI_LAYER)]),
  'an index': (seed) => indexOf([image(`${seed}/1`), image(`${seed}/2`)]),
  'an index of sha512 digests': (seed) =>
    indexOf([image(seed, { algorithm: 'sha512' })], {}, OCI_INDEX, 'sha512'),
  'an index of one image twice': (seed) => indexOf([image(seed), image(seed)]),
  'an index of indexes': (seed) =>
    indexOf([indexOf([image(`${seed}/1`)]), indexOf([image(`${seed}/2`), image(`${seed}/3`)])]),
  'an index of an index and an image': (seed) => indexOf([indexOf([image(`${seed}/1`)]), image(`${seed}/2`)]),
  'an empty index': (seed) => indexOf([], { annotations: { seed } }),
  'a Docker image': (seed) => image(seed, { mediaTypes: DOCKER }),
  'a Docker list': (seed) =>
    indexOf(
      [image(`${seed}/1`, { mediaTypes: DOCKER }), image(`${seed}/2`, { mediaTypes: DOCKER })],
      {},
      DOCKER_MANIFEST_LIST,
    ),
  'an OCI index of a Docker image': (seed) => indexOf([image(seed, { mediaTypes: DOCKER })]),
  'a Docker list of an OCI image': (seed) => indexOf([image(seed)], {}, DOCKER_MANIFEST_LIST),
  'an artifact': (seed) => artifact(seed, [piece(seededBlob(seed, 400), ARTIFACT)]),
  'an artifact without layers': (seed) => artifact(seed, [emptyConfig]),
  'an artifact of no layers at all': (seed) => artifact(seed, []),
  'an index of artifacts': (seed) =>
    indexOf([artifact(`${seed}/1`, []), artifact(`${seed}/2`, [])], { artifactType: ARTIFACT }),
  'a BuildKit cache index, which lists layers': buildKitCache,
  'a manifest of nearly 4 MiB': (seed) => {
    const annotations = Object.fromEntries(
      Array.from({ length: 390 }, (_, i) => [`large-annotation-${i}`, 'A'.repeat(10_000)]),
    );
    return image(seed, { manifest: { annotations } });
  },
};

function artifact(seed: string, layers: readonly Piece[], more: object = {}): Content {
  const value = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: ARTIFACT,
    config: descriptor(emptyConfig),
    layers: layers.map((layer) => descriptor(layer)),
    annotations: { seed },
    ...more,
  };
  return { blobs: [emptyConfig, ...layers], manifests: [piece(JSON.stringify(value), OCI_MANIFEST)] };
}

/** https://github.com/moby/buildkit/blob/master/cache/remotecache/v1/doc.go */
function buildKitCache(seed: string): Content {
  const layers = [1, 2].map((i) => piece(seededBlob(`${seed}/${i}`, 300), OCI_LAYER_GZIP));
  const config = piece(
    JSON.stringify({ layers: [], records: [seed] }),
    'application/vnd.buildkit.cacheconfig.v0',
  );
  const manifests = [...layers, config].map((blob) => descriptor(blob));
  const value = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
  return { blobs: [...layers, config], manifests: [piece(JSON.stringify(value), OCI_INDEX)] };
}
