import { digestOf } from '#libs/oci/digest.ts';
import { parseManifest } from '#libs/oci/manifest.ts';
import type { Manifest } from '#libs/oci/manifest.ts';
import * as types from '#libs/oci/mediatype.ts';

export type Fields = Record<string, unknown>;

/** A descriptor of some text. */
export const describeContent = (mediaType: string, text: string, more: Fields = {}) => ({
  mediaType,
  digest: digestOf(Buffer.from(text)),
  size: text.length,
  ...more,
});
export const config = describeContent(types.OCI_CONFIG, 'config');
export const layer = describeContent(types.OCI_LAYER_GZIP, 'layer');
export const child = describeContent(types.OCI_MANIFEST, 'child', {
  platform: { architecture: 'arm64', os: 'linux', variant: 'v8' },
});
export const image: Fields = { schemaVersion: 2, mediaType: types.OCI_MANIFEST, config, layers: [layer] };
export const index: Fields = { schemaVersion: 2, mediaType: types.OCI_INDEX, manifests: [child] };

export const encode = (value: unknown) => Buffer.from(JSON.stringify(value));
export const parse = (value: unknown, contentType?: string, maxDescriptors?: number): Manifest =>
  parseManifest(encode(value), contentType, maxDescriptors);
