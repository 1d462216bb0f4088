import { readDescriptor } from './descriptor.ts';
import type { Descriptor } from './descriptor.ts';
import { RegistryError } from './errors.ts';
import {
  fieldError,
  optional,
  readArray,
  readMediaType,
  readObject,
  readString,
  readStringMap,
} from './fields.ts';
import type { JsonObject } from './fields.ts';
import { parseJson } from './json.ts';
import { fieldNames, refuseLookalikes } from './lookalikes.ts';
import { isForeignLayer, isImageType, isManifestType, MANIFEST_TYPES, parseMediaType } from './mediatype.ts';
import { quote } from './quote.ts';

/** Largest manifest taken; the spec asks for no less. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Most descriptors (config, layers, children) of one manifest, unless a caller sets another limit. */
export const MAX_DESCRIPTORS = 4000;

/** Config and layers of an image; of an index its children: manifests, and blobs where BuildKit lists cached layers. */
export type ReferenceRole = 'config' | 'layer' | 'manifest' | 'blob';

/** What must be there before the manifest is, except where it is `foreign` (a non-distributable layer). */
export interface ManifestReference {
  readonly descriptor: Descriptor;
  readonly role: ReferenceRole;
  readonly foreign: boolean;
}

/** A manifest or index, OCI's or Docker's. The bytes, not this reading of them, are what is stored and served. */
export interface Manifest {
  readonly mediaType: string;
  readonly kind: 'image' | 'index';
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly manifests: readonly Descriptor[];
  /** Need not exist, so it is not among the references. */
  readonly subject?: Descriptor;
  /** As referrers report it: an image without one has its config's media type, an index none. */
  readonly artifactType?: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly references: readonly ManifestReference[];
}

const FIELDS = fieldNames(
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'manifests',
  'subject',
  'annotations',
  'fsLayers',
);

/**
 * Reads a manifest as it was pushed. `contentType` is the request's header; without it the body's `mediaType` decides.
 * Throws MANIFEST_INVALID, or TOO_LARGE beyond MAX_MANIFEST_BYTES or `maxDescriptors`.
 * https://github.com/opencontainers/image-spec/blob/main/manifest.md and image-index.md
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string | undefined,
  maxDescriptors = MAX_DESCRIPTORS,
): Manifest {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    const message = `The manifest has ${bytes.byteLength} bytes; at most ${MAX_MANIFEST_BYTES} are accepted.`;
    throw new RegistryError('TOO_LARGE', message);
  }
  const body = readObject(parseJson(bytes), 'the whole body');
  refuseLookalikes(body, '', FIELDS);
  const mediaType = mediaTypeOf(body, contentType);
  if (body['schemaVersion'] !== 2) throw fieldError('schemaVersion', '2', body['schemaVersion']);
  const content = isImageType(mediaType) ? readImage(body, maxDescriptors) : readIndex(body, maxDescriptors);
  return {
    mediaType,
    ...optional(body, 'artifactType', '', readMediaType),
    ...content,
    ...optional(body, 'subject', '', readDescriptor),
    annotations: optional(body, 'annotations', '', readStringMap).annotations ?? {},
  };
}

/** Content-Type and body must agree, or clients would disagree on what the same bytes are (CVE-2021-41190). */
function mediaTypeOf(body: JsonObject, contentType: string | undefined): string {
  const ofHeader = contentType === undefined ? undefined : parseMediaType(contentType);
  const ofBody = optional(body, 'mediaType', '', readString).mediaType?.toLowerCase();
  if (ofHeader !== undefined && ofBody !== undefined && ofHeader !== ofBody) {
    throw invalid(`its mediaType is ${quote(ofBody)}, but the Content-Type header says ${quote(ofHeader)}`);
  }
  const mediaType = ofHeader ?? ofBody;
  if (mediaType === undefined)
    throw invalid('neither a Content-Type header nor its mediaType says what it is');
  if (!isManifestType(mediaType)) {
    throw invalid(`its type ${quote(mediaType)} is not supported, only ${MANIFEST_TYPES.join(', ')}`);
  }
  return mediaType;
}

type Content = Pick<Manifest, 'kind' | 'config' | 'layers' | 'manifests' | 'artifactType' | 'references'>;

function readImage(body: JsonObject, maxDescriptors: number): Content {
  refuseFields(body, 'an image manifest', ['manifests', 'fsLayers']);
  const config = readDescriptor(body['config'], 'config');
  const layers = readDescriptors(body, 'layers', maxDescriptors - 1);
  const artifactType = optional(body, 'artifactType', '', readMediaType).artifactType ?? config.mediaType;
  const references: ManifestReference[] = [{ descriptor: config, role: 'config', foreign: false }];
  for (const descriptor of layers) references.push(reference(descriptor, 'layer'));
  return { kind: 'image', config, layers, manifests: [], artifactType, references };
}

function readIndex(body: JsonObject, maxDescriptors: number): Content {
  refuseFields(body, 'an index', ['config', 'layers', 'fsLayers']);
  const manifests = readDescriptors(body, 'manifests', maxDescriptors);
  const references = manifests.map((descriptor) =>
    reference(descriptor, isManifestType(descriptor.mediaType) ? 'manifest' : 'blob'),
  );
  return { kind: 'index', layers: [], manifests, references };
}

function reference(descriptor: Descriptor, role: ReferenceRole): ManifestReference {
  return { descriptor, role, foreign: isForeignLayer(descriptor.mediaType) };
}

/** A null list counts as empty: Go's encoder writes that. */
function readDescriptors(body: JsonObject, field: string, limit: number): readonly Descriptor[] {
  const list = body[field] === null ? [] : readArray(body[field], field);
  if (list.length > limit) {
    const message = `The manifest has ${list.length} ${field}; at most ${limit} are accepted.`;
    throw new RegistryError('TOO_LARGE', message);
  }
  return list.map((item, index) => readDescriptor(item, `${field}[${index}]`));
}

function refuseFields(body: JsonObject, what: string, fields: readonly string[]): void {
  for (const field of fields) {
    if (body[field] === undefined || body[field] === null) continue;
    throw invalid(`${what} has no ${field}, but this one does, so clients could take it for something else`);
  }
}

function invalid(why: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', `The manifest is not valid: ${why}.`);
}
