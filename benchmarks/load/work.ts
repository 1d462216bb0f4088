import type { HistogramCounts } from '../measure/histogram.ts';
import type { BlobRecipe } from '../workload/blob-bytes.ts';
import type { PlannedImage } from '../workload/images.ts';
import type { TraceOperation } from '../workload/trace.ts';

/** A request whose answer is expected to have one status. */
export interface PlannedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  /** The bytes that the body must have; whatever comes where it is absent. */
  readonly bytes?: number;
}

/** Requests by several connections, each sending its next one when it has its answer; the list is gone through in turn, again and again. */
export interface RequestWork {
  readonly kind: 'requests';
  readonly requests: readonly PlannedRequest[];
  /** Places in `requests`. */
  readonly order: readonly number[];
  readonly connections: number;
  /** Ends after this time, or after so many requests, or where it is done together with others, when the first of these has ended. */
  readonly durationMs?: number;
  readonly count?: number;
  readonly endsWithFirst?: boolean;
  /** Between an answer and the next request of a connection. */
  readonly pauseMs?: number;
}

/** Work of an amount. */
interface Amount {
  /** Nothing more is begun after this time: who warms up slowly has been warm for long. */
  readonly withinMs?: number;
}

export type UploadMode = 'monolithic' | 'chunked' | 'single-post';

/** Blobs by several connections, each by an upload of its own. Their digests are computed before the clock runs. */
export interface BlobWork extends Amount {
  readonly kind: 'push-blobs';
  readonly repository: string;
  readonly blobs: readonly BlobRecipe[];
  readonly mode: UploadMode;
  readonly chunkBytes?: number;
  readonly connections: number;
}

/** Images one after the other, each as clients push them: HEAD, POST, PUT of each blob, so many at a time, then the manifest. */
export interface ImageWork extends Amount {
  readonly kind: 'push-images';
  readonly images: readonly PlannedImage[];
  readonly connections: number;
}

/** Images by several clients at once, each pulled as clients do: HEAD of the tag, GET of the manifest by digest, then the blobs, so many at a time. */
export interface PullWork {
  readonly kind: 'pull-images';
  readonly images: readonly PlannedImage[];
  /** Places in `images`. */
  readonly order: readonly number[];
  readonly clients: number;
  readonly connectionsPerClient: number;
  /** Every byte is hashed and compared. */
  readonly verifies: boolean;
}

/** What clients do by a trace, several at once: each takes the next operation when it has ended one. */
export interface TraceWork extends Amount {
  readonly kind: 'trace';
  /** Those that are there to be pulled. */
  readonly images: readonly PlannedImage[];
  readonly operations: readonly TraceOperation[];
  readonly clients: number;
  readonly connectionsPerClient: number;
}

/** A push and, as soon as it has returned, a look for its tag in another region until it is there, and its first layer read there. */
export interface PushThenPullWork {
  readonly kind: 'push-then-pull';
  readonly image: PlannedImage;
  /** `host:port` of the other region's registry. */
  readonly elsewhere: string;
  /** Where there are no tags: the layer is pushed and read. */
  readonly isBlobAlone: boolean;
}

/** Several at the same time, also at other registries; the first one counts, and the others are told of in `others`. */
export interface WorkTogether {
  readonly kind: 'together';
  readonly parts: readonly (Work | LoadPlan)[];
}

export type Work =
  RequestWork | BlobWork | ImageWork | PullWork | TraceWork | PushThenPullWork | WorkTogether;

/** Work at one registry (`host:port`). */
export interface LoadPlan {
  readonly registry: string;
  readonly work: Work;
}

/** What came of it. An operation is a request, a blob, an image, as the work has it. */
export interface LoadResult {
  readonly operations: number;
  readonly requests: number;
  /** Bytes of content sent and received. */
  readonly bytes: number;
  readonly seconds: number;
  /** Processor time of the generator itself. */
  readonly ownCpuSeconds: number;
  readonly latency: HistogramCounts;
  /** Of requests with a body: until its first byte. */
  readonly firstByte: HistogramCounts;
  /** The longest time in which nothing succeeded. */
  readonly longestGapMs: number;
  /** Single measurements of work that is done once, such as when something was seen. */
  readonly marks: Readonly<Record<string, number>>;
  /** What went wrong, each with how often. */
  readonly problems: Readonly<Record<string, number>>;
  /** Of work that was done together with it. */
  readonly others?: readonly LoadResult[];
}

export type ToGenerator = { readonly kind: 'prepare'; readonly plan: LoadPlan } | { readonly kind: 'go' };

export type FromGenerator =
  | { readonly kind: 'prepared' }
  | { readonly kind: 'result'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string };
