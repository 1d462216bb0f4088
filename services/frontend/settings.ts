import { MAX_DESCRIPTORS, MAX_MANIFEST_BYTES } from '#libs/oci/manifest.ts';
import type { MinimumRate } from './http/client-pace.ts';

/** Every limit and time of the front end. */
export interface FrontendSettings {
  /** Largest manifest taken; a larger one is refused before it is read. */
  readonly maxManifestBytes: number;
  /** Most descriptors of one manifest. */
  readonly maxDescriptors: number;
  /** Most tags that one manifest PUT by digest may set. */
  readonly maxTagsPerPush: number;
  /** Most bytes of a request's header. */
  readonly maxHeaderBytes: number;
  /** Time for a request's header to arrive. Bodies have no limit of time: a layer may take hours. */
  readonly headersTimeoutMs: number;
  /** How long an idle connection is kept. */
  readonly keepAliveTimeoutMs: number;
  /** Of a refused request, the bytes and time that are spent on reading its rest so that the client sees the answer. */
  readonly maxDiscardedBytes: number;
  readonly discardTimeoutMs: number;
  /** Entries of a list's page: where the client names no number, and at most. */
  readonly defaultPageSize: number;
  readonly maxPageSize: number;
  /** Manifests and small blobs held in memory, altogether and the largest blob among them. */
  readonly maxCachedContentBytes: number;
  readonly maxCachedBlobBytes: number;
  /** Resolved references and access decisions held in memory. */
  readonly maxCachedManifests: number;
  readonly maxCachedBlobs: number;
  /** How long an access decision may be reused: a pin that it rests on ends without notice. */
  readonly accessTtlMs: number;
  /** Without a frame for so long, nothing cached from the catalog is served. */
  readonly maxFrameGapMs: number;
  /** How long a request that brings content waits for the front end to be told what may be in its region. */
  readonly placementWaitMs: number;
  /** Pause before the stream of frames is opened again. */
  readonly followRetryMs: number;
  /** Answers staler than this carry a Warning. */
  readonly staleWarningMs: number;
  /** What a client must take of an answer, and send of a request, while it is waited for. */
  readonly minimumRate: MinimumRate;
  /** How long a connection is silent before TCP asks whether the other side is still there. */
  readonly tcpKeepAliveMs: number;
  /** Bytes of blobs in memory on their way to clients; all readers share them, and each gets little more. */
  readonly maxReadBytes: number;
  /** Calls that bring pieces of blobs at a time, and for how long one counts: one that follows a copy may wait. */
  readonly maxReadCalls: number;
  readonly readCallTurnMs: number;
  /** The largest buffer for reading a blob's file, and the smallest, for many readers or slow ones. */
  readonly readBufferBytes: number;
  readonly leastReadBufferBytes: number;
  /** Buffers for reading blobs' files ahead of clients that are quick: how large, and how many of them at a time for all. */
  readonly readAheadBufferBytes: number;
  readonly maxReadAheadBuffers: number;
  /** Paths of blobs' files held in memory. */
  readonly maxCachedPaths: number;
  /** For how long files are not tried again after storage's volume turned out not to be mounted here. */
  readonly localFilesRetryMs: number;
  /** How long a file that was hashed while it was sent, and has not been written to since, is sent without being hashed. */
  readonly trustedFileMs: number;
  /** The proxy's internal location of blobs' files, where there is a proxy that sends them in this process's place. */
  readonly accelLocation: string | undefined;
  /** Networks (`10.0.0.0/8`) of proxies that are believed about whom they ask for. */
  readonly trustedProxies: readonly string[];
  /** Repositories that a mount without `from` looks at as sources. */
  readonly maxMountCandidates: number;
  /** How long a mount waits for the blob to come from another region before the client is asked to upload it. */
  readonly mountWaitMs: number;
  /** Announcements of new blobs that may be under way at a time (more are left out), and the time for each. */
  readonly maxAnnouncements: number;
  readonly announceTimeoutMs: number;
  /** Whether tags, manifests and blobs can be deleted. */
  readonly deletion: 'on' | 'off';
}

export const defaultFrontendSettings: FrontendSettings = {
  maxManifestBytes: MAX_MANIFEST_BYTES,
  maxDescriptors: MAX_DESCRIPTORS,
  maxTagsPerPush: 50,
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 30_000,
  keepAliveTimeoutMs: 75_000,
  maxDiscardedBytes: 16 * 1024 * 1024,
  discardTimeoutMs: 10_000,
  defaultPageSize: 1000,
  maxPageSize: 10_000,
  maxCachedContentBytes: 64 * 1024 * 1024,
  maxCachedBlobBytes: 64 * 1024,
  maxCachedManifests: 50_000,
  maxCachedBlobs: 50_000,
  accessTtlMs: 60_000,
  maxFrameGapMs: 3000,
  placementWaitMs: 5_000,
  followRetryMs: 250,
  staleWarningMs: 5000,
  minimumRate: { bytesPerSecond: 1024, windowMs: 60_000 },
  tcpKeepAliveMs: 30_000,
  maxReadBytes: 16 * 1024 * 1024,
  maxReadCalls: 32,
  readCallTurnMs: 50,
  readBufferBytes: 256 * 1024,
  leastReadBufferBytes: 16 * 1024,
  readAheadBufferBytes: 1024 * 1024,
  maxReadAheadBuffers: 4,
  maxCachedPaths: 20_000,
  localFilesRetryMs: 60_000,
  trustedFileMs: 600_000,
  accelLocation: undefined,
  trustedProxies: [],
  maxMountCandidates: 100,
  mountWaitMs: 10_000,
  maxAnnouncements: 64,
  announceTimeoutMs: 10_000,
  deletion: 'on',
};
