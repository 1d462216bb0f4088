import { RegistryError } from './errors.ts';
import { quote } from './quote.ts';

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd';
export const OCI_FOREIGN_LAYER = 'application/vnd.oci.image.layer.nondistributable.v1.tar';
export const OCI_FOREIGN_LAYER_GZIP = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
export const OCI_FOREIGN_LAYER_ZSTD = 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
export const DOCKER_FOREIGN_LAYER = 'application/vnd.docker.image.rootfs.foreign.diff.tar';
export const DOCKER_FOREIGN_LAYER_GZIP = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';

/** Longest media type without parameters, in bytes: RFC 6838 allows 127 on each side of the slash. */
export const MAX_MEDIA_TYPE_BYTES = 255;

const IMAGE_TYPES: ReadonlySet<string> = new Set([OCI_MANIFEST, DOCKER_MANIFEST]);
const INDEX_TYPES: ReadonlySet<string> = new Set([OCI_INDEX, DOCKER_MANIFEST_LIST]);
const FOREIGN_LAYERS: ReadonlySet<string> = new Set([
  OCI_FOREIGN_LAYER,
  OCI_FOREIGN_LAYER_GZIP,
  OCI_FOREIGN_LAYER_ZSTD,
  DOCKER_FOREIGN_LAYER,
  DOCKER_FOREIGN_LAYER_GZIP,
]);

/** The manifest types Meridian takes, for messages and `Accept` headers. */
export const MANIFEST_TYPES: readonly string[] = [...IMAGE_TYPES, ...INDEX_TYPES];

const RESTRICTED_NAME = '[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}';
const PATTERN = new RegExp(`^${RESTRICTED_NAME}/${RESTRICTED_NAME}$`);

/** True for image manifests and indexes, OCI's and Docker's. */
export function isManifestType(mediaType: string): boolean {
  return isImageType(mediaType) || isIndexType(mediaType);
}

export function isImageType(mediaType: string): boolean {
  return IMAGE_TYPES.has(mediaType.toLowerCase());
}

export function isIndexType(mediaType: string): boolean {
  return INDEX_TYPES.has(mediaType.toLowerCase());
}

/** True for layers that need not be in the registry (non-distributable, in OCI's words). */
export function isForeignLayer(mediaType: string): boolean {
  return FOREIGN_LAYERS.has(mediaType.toLowerCase());
}

/** RFC 6838, section 4.2: a type, a slash, a subtype, no parameters. */
export function isMediaType(text: string): boolean {
  return PATTERN.test(text);
}

/** A Content-Type header's media type, in lower case and without parameters. Throws MANIFEST_INVALID. */
export function parseMediaType(header: string): string {
  const semicolon = header.indexOf(';');
  const text = (semicolon < 0 ? header : header.slice(0, semicolon)).trim();
  if (isMediaType(text)) return text.toLowerCase();
  throw new RegistryError(
    'MANIFEST_INVALID',
    `The media type ${quote(header)} is not valid: expected type/subtype of at most ${MAX_MEDIA_TYPE_BYTES} bytes, ` +
      `such as ${OCI_MANIFEST}.`,
  );
}
