import { failpoint } from '#libs/failpoint.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { PutBlob } from '#types/meridian/v1/PutBlob.ts';
import type { Source } from './begin-source.ts';
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
  // Nothing is written before a region sends: an empty copy that others follow could end in regions waiting for each other.
  const first = await openFirst(job, tools, joined);
  const supply: Supply = {
    ...{ job, contributors, sources: tools.sources },
    ...{ region: first.region, failed: new Set() },
  };
  const flow: Flow = { failure: undefined };
  try {
    failpoint('copy.begun');
    await tools.storage.ingest(parts(supply, first, flow, tools, joined), { signal: joined });
  } catch (error) {
    throw flow.failure ?? error;
  } finally {
    ended.abort(new Error('The copy has ended.'));
    await first.close();
  }
}

interface Flow {
  /** Why the parts ended early; the storage may have put it in other words. */
  failure: unknown;
}

async function* parts(
  supply: Supply,
  first: Source,
  flow: Flow,
  tools: CopyTools,
  signal: AbortSignal,
): AsyncGenerator<PutBlob, void, undefined> {
  const { repository, digest, size, onBegun } = supply.job;
  yield { header: { repository, digest, size }, part: 'header' };
  if (size === 0) supply.contributors.add(first.region);
  try {
    for await (const data of gather(supply, first, tools, signal)) {
      yield { data, part: 'data' };
      onBegun();
    }
  } catch (error) {
    flow.failure = error;
    throw error;
  }
}

function openFirst(job: CopyJob, { sources, rangeBytes }: CopyTools, signal: AbortSignal): Promise<Source> {
  const { digest, size, prefer, guilty, doubtful, single, rank } = job;
  return sources.open(
    {
      ...{ digest, size, offset: 0, length: Math.min(size, rangeBytes), guilty, doubtful },
      ...(prefer === undefined ? {} : { prefer }),
      mayFollow: !single,
      // What a client waits for goes where nothing large is before it.
      inBulk: () => size > rangeBytes && rank() > 0,
      rank,
    },
    signal,
  );
}
