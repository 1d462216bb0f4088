import { z } from 'zod';
import { isDigest, type Digest } from '#libs/oci/digest.ts';
import { isNamePattern, type NamePattern } from '#libs/oci/name-pattern.ts';
import type { Placement, PlacementRule } from '#libs/placement.ts';
import { jsonCodec, type Codec } from './codec.ts';

/*
 * The values behind the keys of keys.ts. Manifests have a file of their own. Times are milliseconds since 1970.
 */

/** In how many regions a push must be on disk before it is acknowledged. */
export type Durability = 'local' | 'quorum' | 'all' | number;

/** What administrators set for a repository or, as defaults, for all; what is missing is not set there. */
export interface Settings {
  readonly durability?: Durability;
  /** `strong`: every read asks the quorum whether it is the newest. */
  readonly reads?: 'bounded' | 'strong';
  /** Reads of an older view ask the quorum, and fail where it can't be reached. */
  readonly maxStalenessMs?: number;
  /** `accept`: manifests may name content that the repository does not have. */
  readonly missing?: 'refuse' | 'accept';
  /** When manifests go that nothing has kept any longer; without it, never. `keep`: never, whatever the defaults say. */
  readonly untagged?: 'keep' | { readonly deleteAfterMs: number };
  /** Of a repository only: where its content may be, whatever the rules say. */
  readonly regions?: Placement;
  /** Of the defaults only. */
  readonly placements?: readonly PlacementRule[];
}

export interface RepositoryRecord extends Settings {
  /** Of this life of the name: a repository deleted and made again has another one. */
  readonly incarnation: string;
  readonly state: 'active' | 'deleting';
}

export interface TagRecord {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly pushedAtMs: number;
  readonly pushedBy: string;
}

export interface RegionRecord {
  /** Only active regions count for durability and are asked to hold. */
  readonly state: 'active' | 'draining';
  /** Where the region's replication service answers the others: `host:port`. */
  readonly endpoint: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SchemaRecord {
  readonly format: number;
  readonly catalogId: string;
}

/** `id` is another one in every transaction, so that a view can tell its own past from that of a restored store. */
export interface HeadRecord {
  readonly catalogId: string;
  readonly id: string;
}

/** A region's collection epoch. */
export interface GcRecord {
  readonly epoch: number;
}

/** The outcome of one push; its mod revision is the push's. */
export interface ReceiptRecord {
  readonly repository: string;
  readonly digest: Digest;
}

/** What a deletion leaves for pushes to notice. */
export interface RemovalsRecord {
  readonly digest: Digest;
  readonly removedAtMs: number;
}

/** A replication process that runs. */
export interface LiveRecord {
  readonly startedAtMs: number;
}

/** A revision, and when it was the newest. */
export interface CompactionRecord {
  readonly revision: number;
  readonly markedAtMs: number;
}

export const count = z.int().nonnegative();
export const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value));

const regions = z.array(z.string());

const settings = z.object({
  durability: z.union([z.enum(['local', 'quorum', 'all']), z.int().positive()]).exactOptional(),
  reads: z.enum(['bounded', 'strong']).exactOptional(),
  maxStalenessMs: count.exactOptional(),
  missing: z.enum(['refuse', 'accept']).exactOptional(),
  untagged: z.union([z.literal('keep'), z.object({ deleteAfterMs: count })]).exactOptional(),
  regions: regions.exactOptional(),
  placements: z.array(z.object({ pattern: z.custom<NamePattern>(isNamePattern), regions })).exactOptional(),
});

export const defaultsRecord: Codec<Settings> = jsonCodec(settings);

export const repositoryRecord: Codec<RepositoryRecord> = jsonCodec(
  z.object({ incarnation: z.string(), state: z.enum(['active', 'deleting']), ...settings.shape }),
);

export const tagRecord: Codec<TagRecord> = jsonCodec(
  z.object({ digest, mediaType: z.string(), size: count, pushedAtMs: count, pushedBy: z.string() }),
);

export const regionRecord: Codec<RegionRecord> = jsonCodec(
  z.object({
    state: z.enum(['active', 'draining']),
    endpoint: z.string(),
    labels: z.record(z.string(), z.string()),
  }),
);

/** Its own `format` is for bootstrap.ts to judge, so any number is read here. */
export const schemaRecord: Codec<SchemaRecord> = jsonCodec(
  z.object({ format: z.int(), catalogId: z.string() }),
);

export const headRecord: Codec<HeadRecord> = jsonCodec(z.object({ catalogId: z.string(), id: z.string() }));
export const gcRecord: Codec<GcRecord> = jsonCodec(z.object({ epoch: count }));
export const receiptRecord: Codec<ReceiptRecord> = jsonCodec(z.object({ repository: z.string(), digest }));
export const removalsRecord: Codec<RemovalsRecord> = jsonCodec(z.object({ digest, removedAtMs: count }));
export const liveRecord: Codec<LiveRecord> = jsonCodec(z.object({ startedAtMs: count }));
export const compactionRecord: Codec<CompactionRecord> = jsonCodec(
  z.object({ revision: count, markedAtMs: count }),
);
