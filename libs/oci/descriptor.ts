import { isDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import {
  fieldError,
  optional,
  readMediaType,
  readObject,
  readString,
  readStringMap,
  readStrings,
} from './fields.ts';
import { fieldNames, refuseLookalikes } from './lookalikes.ts';

/**
 * What a manifest says of a piece of content it names; `size` is in bytes.
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md
 */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
  readonly platform?: Platform;
}

export interface Platform {
  readonly architecture?: string;
  readonly os?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
}

const FIELDS = fieldNames(
  'mediaType',
  'digest',
  'size',
  'urls',
  'annotations',
  'data',
  'artifactType',
  'platform',
);
const PLATFORM_FIELDS = fieldNames('architecture', 'os', 'os.version', 'os.features', 'variant', 'features');

/**
 * Reads a descriptor out of parsed JSON. `path` is where it stands in its manifest, for messages. Unknown fields are
 * left out of the result. Throws MANIFEST_INVALID.
 */
export function readDescriptor(value: unknown, path: string): Descriptor {
  const object = readObject(value, path);
  refuseLookalikes(object, path, FIELDS);
  optional(object, 'data', path, readBase64);
  return {
    mediaType: readMediaType(object['mediaType'], `${path}.mediaType`),
    digest: readDigest(object['digest'], `${path}.digest`),
    size: readSize(object['size'], `${path}.size`),
    ...optional(object, 'urls', path, readStrings),
    ...optional(object, 'annotations', path, readStringMap),
    ...optional(object, 'artifactType', path, readMediaType),
    ...optional(object, 'platform', path, readPlatform),
  };
}

function readDigest(value: unknown, path: string): Digest {
  const text = readString(value, path);
  if (isDigest(text)) return text;
  throw fieldError(
    path,
    'a digest (sha256 and 64 or sha512 and 128 lower-case hexadecimal characters)',
    value,
  );
}

function readSize(value: unknown, path: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw fieldError(path, 'a whole number of bytes, zero or more', value);
}

/** Content embedded in the descriptor. It is checked for clients' sakes, and not kept: the blob itself must be there. */
function readBase64(value: unknown, path: string): void {
  if (!BASE64.test(readString(value, path))) throw fieldError(path, 'base64', value);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function readPlatform(value: unknown, path: string): Platform {
  const object = readObject(value, path);
  refuseLookalikes(object, path, PLATFORM_FIELDS);
  return {
    ...optional(object, 'architecture', path, readString),
    ...optional(object, 'os', path, readString),
    ...optional(object, 'os.version', path, readString),
    ...optional(object, 'os.features', path, readStrings),
    ...optional(object, 'variant', path, readString),
  };
}
