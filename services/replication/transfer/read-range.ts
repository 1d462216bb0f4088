import { setTimeout as pause } from 'node:timers/promises';
import { failpoint } from '#libs/failpoint.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { ArrivingRange } from './arriving-range.ts';
import type { Source, SourceRequest } from './begin-source.ts';
import type { CopyJob } from './copy.ts';
import type { Sources } from './sources.ts';

/** Where the ranges of one blob come from. */
export interface Supply {
  readonly job: CopyJob;
  readonly sources: Sources;
  /** Gets the regions whose bytes were taken. */
  readonly contributors: Set<string>;
  /** The region that the next range is asked of; '' while that is not known. */
  region: string;
  /** Regions that failed. */
  readonly failed: Set<string>;
}

/** How often one range may go on at another region, or at the same one again. */
const MAX_SWITCHES = 6;
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;

/**
 * Reads a range, from `begun` if that is given. A region that fails or stalls is replaced at the byte reached. Throws SIZE_INVALID where more
 * came than was asked for, BLOB_UNKNOWN and UNAVAILABLE when nobody sends the rest.
 */
export async function readRange(
  range: ArrivingRange,
  supply: Supply,
  signal: AbortSignal,
  begun?: Source,
): Promise<void> {
  let source = begun;
  for (let attempt = 0; ; attempt++) {
    const region = source?.region ?? supply.region;
    let failure: Error | undefined;
    try {
      source ??= await supply.sources.at(region, { ...restOf(range, supply), inBulk: () => true }, signal);
      await take(range, source, supply);
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'SIZE_INVALID') throw error;
      failure = error as Error;
    } finally {
      await source?.close();
    }
    if (range.isComplete) return;
    signal.throwIfAborted();
    if (supply.job.single || attempt >= MAX_SWITCHES) throw failure ?? cutOff(range, supply);
    ({ source, attempt } = await replace(region, range, supply, attempt, signal));
  }
}

async function take(range: ArrivingRange, source: Source, { job, contributors }: Supply): Promise<void> {
  for await (const chunk of source.chunks) {
    if (range.received + chunk.length > range.length) throw tooMuch(job, source.region);
    contributors.add(source.region);
    range.push(chunk);
    failpoint('copy.midway');
  }
}

/**
 * Goes on at another region that holds the whole blob; at the one that failed only if no other has it. Tries for a while, since those who
 * read along would lose everything.
 */
async function replace(
  failed: string,
  range: ArrivingRange,
  supply: Supply,
  attempts: number,
  signal: AbortSignal,
): Promise<{ source: Source | undefined; attempt: number }> {
  supply.failed.add(failed);
  for (let attempt = attempts; ; attempt++) {
    await pause(Math.min(FIRST_PAUSE_MS * 2 ** attempt, MAX_PAUSE_MS), undefined, { signal });
    // Another range has found one.
    if (supply.region !== failed) return { source: undefined, attempt };
    try {
      const { prefer: _failed, ...rest } = restOf(range, supply);
      const source = await supply.sources.open(rest, signal);
      supply.region = source.region;
      return { source, attempt };
    } catch (error) {
      if (attempt >= MAX_SWITCHES || signal.aborted || isUnknown(error)) throw error;
    }
  }
}

function restOf(range: ArrivingRange, { job, failed }: Supply): SourceRequest {
  const { digest, size, prefer, guilty, doubtful, rank } = job;
  return {
    ...{ digest, size, rank, guilty, doubtful: doubtful.union(failed), mayFollow: false },
    ...(prefer === undefined ? {} : { prefer }),
    offset: range.offset + range.received,
    length: range.length - range.received,
  };
}

/** Every region has said that it has none: waiting would not help, and other regions may wait for this one. */
function isUnknown(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'BLOB_UNKNOWN';
}

function tooMuch({ digest }: CopyJob, region: string): RegistryError {
  return new RegistryError(
    'SIZE_INVALID',
    `The region ${region} sent more than it was asked for of the blob ${digest}.`,
  );
}

function cutOff({ offset, received, length }: ArrivingRange, { job, region }: Supply): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `The region ${region} sent only ${received} of ${length} bytes at position ${offset} of the blob ${job.digest}. Try again in a moment.`,
    { retryAfterSeconds: 1 },
  );
}
