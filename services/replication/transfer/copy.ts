import { setTimeout as pause } from 'node:timers/promises';
import { failpoint } from '#libs/failpoint.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { PutBlob } from '#types/meridian/v1/PutBlob.ts';
import type { Source } from './begin-source.ts';
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
  /** Called once, when the first bytes are on their way to the storage. */
  readonly onBegun: () => void;
}

/** How often one copy may go on at another region, or at the same one again. */
const MAX_SWITCHES = 6;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;

/**
 * Streams a blob from other regions into the storage. A region that fails or stalls midway is replaced at the offset reached. `contributors`
 * gets the regions whose bytes were taken, also when it throws: DIGEST_INVALID or SIZE_INVALID when these were wrong, CONFLICT when
 * another process copies the blob, BLOB_UNKNOWN and UNAVAILABLE when nobody sends it.
 */
export async function copyBlob(
  job: CopyJob,
  contributors: Set<string>,
  { storage, sources }: { storage: Storage; sources: Sources },
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const joined = AbortSignal.any([signal, ended.signal]);
  // Nothing is written before a region sends: an empty copy that others follow could end in regions waiting for each other.
  const first = await openSource(job, sources, 0, joined, !job.single);
  const flow: Flow = { job, sources, contributors, source: first, failure: undefined };
  try {
    failpoint('copy.begun');
    await storage.ingest(parts(flow, joined), { signal: joined });
  } catch (error) {
    throw flow.failure ?? error;
  } finally {
    ended.abort(new Error('The copy has ended.'));
    await flow.source.close();
  }
}

interface Flow {
  readonly job: CopyJob;
  readonly sources: Sources;
  readonly contributors: Set<string>;
  source: Source;
  /** Why the parts ended early; the storage may have put it in other words. */
  failure: unknown;
}

async function* parts(flow: Flow, signal: AbortSignal): AsyncGenerator<PutBlob, void, undefined> {
  const { repository, digest, size } = flow.job;
  yield { header: { repository, digest, size }, part: 'header' };
  try {
    for await (const data of bytesOf(flow, signal)) yield { data, part: 'data' };
  } catch (error) {
    flow.failure = error;
    throw error;
  }
}

async function* bytesOf(flow: Flow, signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const { size, onBegun } = flow.job;
  if (size === 0) flow.contributors.add(flow.source.region);
  let offset = 0;
  for (let switches = 0; ; switches++) {
    let failure: Error | undefined;
    try {
      for await (const chunk of flow.source.chunks) {
        flow.contributors.add(flow.source.region);
        offset += chunk.length;
        if (offset > size) throw tooLong(flow);
        yield chunk;
        onBegun();
        if (offset === size) return;
        failpoint('copy.midway');
      }
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'SIZE_INVALID') throw error;
      failure = error as Error;
    }
    if (offset === size) return;
    signal.throwIfAborted();
    if (flow.job.single || switches >= MAX_SWITCHES) throw failure ?? cutOff(flow, offset);
    switches = await replaceSource(flow, offset, switches, signal);
  }
}

/**
 * Goes on at another region that holds the whole blob; at the one that failed only if no other has it. Tries for a while, since those who
 * read along would lose everything. Gives the number of attempts so far.
 */
async function replaceSource(
  flow: Flow,
  offset: number,
  switches: number,
  signal: AbortSignal,
): Promise<number> {
  const failed = flow.source.region;
  await flow.source.close();
  const { prefer: _failed, ...job } = flow.job;
  const doubtful = new Set([...job.doubtful, failed]);
  for (let attempt = switches; ; attempt++) {
    await pause(Math.min(FIRST_PAUSE_MS * 2 ** attempt, MAX_PAUSE_MS), undefined, { signal });
    try {
      flow.source = await openSource({ ...job, doubtful }, flow.sources, offset, signal, false);
      return attempt;
    } catch (error) {
      if (attempt >= MAX_SWITCHES || signal.aborted) throw error;
    }
  }
}

function openSource(
  job: Omit<CopyJob, 'onBegun'>,
  sources: Sources,
  offset: number,
  signal: AbortSignal,
  mayFollow: boolean,
): Promise<Source> {
  const { digest, size, prefer, guilty, doubtful } = job;
  const preferred = prefer === undefined ? {} : { prefer };
  return sources.open({ digest, size, offset, length: 0, ...preferred, guilty, doubtful, mayFollow }, signal);
}

function tooLong({ job, source }: Flow): RegistryError {
  return new RegistryError(
    'SIZE_INVALID',
    `The region ${source.region} sent more than the ${job.size} bytes that the blob ${job.digest} has.`,
  );
}

function cutOff({ job, source }: Flow, offset: number): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `The region ${source.region} sent only ${offset} of the ${job.size} bytes of the blob ${job.digest}. Try again in a moment.`,
    { retryAfterSeconds: 1 },
  );
}
