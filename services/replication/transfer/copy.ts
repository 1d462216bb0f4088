import { failpoint } from '#libs/failpoint.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { PutBlob } from '#types/meridian/v1/PutBlob.ts';
import type { SourceRequest } from './begin-source.ts';
import { gather, type GatherOptions } from './gather.ts';
import type { Supply } from './read-range.ts';
import type { Sources } from './sources.ts';

/** One attempt to copy a blob into this region. */
export interface CopyJob {
  readonly repository: string;
  readonly digest: string;
  readonly size: number;
  /** The region that is known to hold it. */
  readonly prefer?: string;
  /** All its bytes, and the region that sent them unasked. */
  readonly sent?: { readonly region: string; readonly data: Buffer };
  readonly guilty: ReadonlySet<string>;
  readonly doubtful: ReadonlySet<string>;
  /** All bytes must come from one region, so that wrong ones can be blamed on it. */
  readonly single: boolean;
  /** How urgent it is by now: 0 where a client waits for it. */
  readonly rank: () => number;
  /** Called once, when the first bytes are on their way to the storage. */
  readonly onBegun: () => void;
}

export interface CopyTools extends GatherOptions {
  readonly storage: Storage;
  readonly sources: Sources;
}

/**
 * Streams a blob from other regions into the storage. `contributors` gets the regions whose bytes were taken, also when it throws:
 * DIGEST_INVALID or SIZE_INVALID when these were wrong, CONFLICT when another process copies the blob, BLOB_UNKNOWN and UNAVAILABLE when nobody
 * sends it.
 */
export async function copyBlob(
  job: CopyJob,
  contributors: Set<string>,
  tools: CopyTools,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const joined = AbortSignal.any([signal, ended.signal]);
  const { sources, storage } = tools;
  const request = firstRequest(job, tools);
  // Where all bytes must come from one region, it has to be known first.
  const region = (job.single ? undefined : sources.likeliest(request)) ?? '';
  const supply: Supply = { job, contributors, sources, region, failed: new Set() };
  const flow: Flow = { failure: undefined };
  try {
    const bytes =
      job.sent === undefined || job.single
        ? gather(supply, sources.open(request, joined), tools, joined)
        : sentBy(job.sent, contributors);
    // Nothing is written before a region sends: an empty copy that others follow could end in regions waiting for each other.
    const begun = await bytes.next();
    if (begun.done === true) contributors.add(supply.region);
    failpoint('copy.begun');
    await storage.ingest(parts(job, begun, bytes, flow), { signal: joined });
  } catch (error) {
    throw flow.failure ?? error;
  } finally {
    ended.abort(new Error('The copy has ended.'));
  }
}

async function* sentBy(
  { region, data }: NonNullable<CopyJob['sent']>,
  contributors: Set<string>,
): AsyncGenerator<Buffer, void, undefined> {
  contributors.add(region);
  yield data;
}

interface Flow {
  /** Why the parts ended early; the storage may have put it in other words. */
  failure: unknown;
}

async function* parts(
  { repository, digest, size, onBegun }: CopyJob,
  begun: IteratorResult<Buffer, void>,
  rest: AsyncGenerator<Buffer, void, undefined>,
  flow: Flow,
): AsyncGenerator<PutBlob, void, undefined> {
  try {
    yield { header: { repository, digest, size }, part: 'header' };
    for (let step = begun; step.done !== true; step = await rest.next()) {
      yield { data: step.value, part: 'data' };
      onBegun();
    }
  } catch (error) {
    flow.failure = error;
    throw error;
  } finally {
    await rest.return();
  }
}

function firstRequest(job: CopyJob, { rangeBytes }: CopyTools): SourceRequest {
  const { digest, size, prefer, guilty, doubtful, single, rank } = job;
  return {
    ...{ digest, size, offset: 0, length: Math.min(size, rangeBytes), guilty, doubtful, rank },
    ...(prefer === undefined ? {} : { prefer }),
    mayFollow: !single,
    // What a client waits for goes where nothing large is before it.
    inBulk: () => size > rangeBytes && rank() > 0,
  };
}
