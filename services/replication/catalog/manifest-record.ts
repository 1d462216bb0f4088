import { z } from 'zod';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { ReferenceRole } from '#libs/oci/manifest.ts';
import { jsonCodec, type Codec } from './codec.ts';
import { count, digest } from './records.ts';

/** Largest manifest record; etcd takes 1.5 MiB a transaction. */
export const MAX_MANIFEST_RECORD_BYTES = 256 * 1024;

/** Annotations whose JSON is longer are left to the manifest's bytes. */
export const MAX_RECORD_ANNOTATION_BYTES = 16 * 1024;

/** A piece of content that a manifest names; each digest once. */
export interface RecordedReference {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
  readonly role: ReferenceRole;
  /** The repository had it at commit. Only owned content grants access, counts for durability and is replicated. */
  readonly owned: boolean;
}

/** What the catalog knows of a manifest. Times are milliseconds since 1970. */
export interface ManifestRecord {
  readonly mediaType: string;
  readonly size: number;
  readonly kind: 'image' | 'index';
  readonly references: readonly RecordedReference[];
  readonly subject?: Digest;
  readonly artifactType?: string;
  /** Missing where they are too long: then they are in the bytes only. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly pushedAtMs: number;
  readonly pushedBy: string;
  /** The region that the push went to. */
  readonly where: string;
}

/** References are tuples, and their media types indices, so that thousands of them fit in a record. */
export const manifestRecord: Codec<ManifestRecord> = {
  encode: (record) => {
    const types = [...new Set(record.references.map(({ mediaType }) => mediaType))];
    const bytes = wire.encode({
      ...record,
      types,
      references: record.references.map(({ digest, size, mediaType, role, owned }): WireReference => [
        digest,
        size,
        types.indexOf(mediaType),
        role,
        owned ? 1 : 0,
      ]),
    });
    if (bytes.length <= MAX_MANIFEST_RECORD_BYTES) return bytes;
    throw new RegistryError(
      'TOO_LARGE',
      `The manifest names ${record.references.length} pieces of content; what the catalog keeps of them takes ${bytes.length} bytes, and ` +
        `at most ${MAX_MANIFEST_RECORD_BYTES} are accepted. Split it into several manifests below an index.`,
    );
  },
  decode: (bytes, key) => {
    const { types, references, ...record } = wire.decode(bytes, key);
    return {
      ...record,
      references: references.map(([digest, size, type, role, owned]) => ({
        digest,
        size,
        mediaType: types[type] ?? '',
        role,
        owned: owned === 1,
      })),
    };
  },
};

/**
 * True for records of one manifest that differ in when, by whom and where it was pushed at most: equal values are encoded equally, and
 * those three stand behind all others.
 */
export function isPushedAgain(before: Uint8Array, now: Uint8Array): boolean {
  return withoutPush(before).equals(withoutPush(now));
}

function withoutPush({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  const record = Buffer.from(buffer, byteOffset, byteLength);
  const end = record.lastIndexOf('"pushedAtMs":');
  return end === -1 ? record : record.subarray(0, end);
}

type WireReference = z.infer<typeof wireReference>;

const wireReference = z.tuple([
  digest,
  count,
  count,
  z.enum(['config', 'layer', 'manifest', 'blob']),
  z.literal([0, 1]),
]);

const wire = jsonCodec(
  z.object({
    mediaType: z.string(),
    size: count,
    kind: z.enum(['image', 'index']),
    types: z.array(z.string()),
    references: z.array(wireReference),
    subject: digest.exactOptional(),
    artifactType: z.string().exactOptional(),
    annotations: z.record(z.string(), z.string()).exactOptional(),
    pushedAtMs: count,
    pushedBy: z.string(),
    where: z.string(),
  }),
);
