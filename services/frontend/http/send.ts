import type { OpenFile } from '#libs/files/open-file.ts';
import { giveBack } from '#libs/given-away.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { ByteRange } from '#libs/oci/range.ts';
import { piecesOf } from '../content/file-pieces.ts';
import { SLOW_MS, type StepLimits } from '../content/read-budget.ts';
import type { ReadBuffers } from '../content/read-buffers.ts';
import type { BodyCheck } from '../content/verification.ts';
import { bytesOfWindow, ClientPace, describeRate, type MinimumRate } from './client-pace.ts';
import type { RequestContext } from './context.ts';
import { tellRegionsUsed } from './regions-used.ts';

/*
 * Bodies that stream. Content-Length is always told beforehand, and what fails midway destroys the connection: the client can't
 * take a short body for a whole one. A body that is checked breaks off before its last bytes where they are not what they should be.
 * What fails before the first byte is the caller's to answer.
 */

/** Sends a stream of `length` bytes as fast as the client reads; more is read only when the client has taken what was. */
export async function sendStream(
  ctx: RequestContext,
  source: AsyncIterable<Uint8Array>,
  length: number,
  check?: BodyCheck,
): Promise<void> {
  await sending(ctx, length, STREAM_SLICES, async (write) => {
    let sent = 0;
    for await (const chunk of source) {
      sent += chunk.byteLength;
      if (sent > length) break;
      check?.update(chunk);
      if (sent === length) check?.end();
      await write(chunk);
      giveBack(chunk);
    }
    if (sent === length) return;
    throw new Error(`A blob was read with a length other than the ${length} bytes that it should have.`);
  });
}

/** Sends a piece of a file; the caller closes it. A buffer is lent only while the client's connection takes the bytes. */
export async function sendFile(
  ctx: RequestContext,
  file: Pick<OpenFile, 'read'>,
  range: ByteRange,
  buffers: ReadBuffers,
  check?: BodyCheck,
): Promise<void> {
  const pieces = piecesOf(file, range, buffers);
  const work = async (write: Write): Promise<void> => {
    let tookMs = 0;
    for (let left = range.length; left > 0;) {
      const { bytes, giveBack } = await pieces.next(tookMs);
      left -= bytes.length;
      let isFree = false;
      const late = setTimeout(() => pieces.wait(), SLOW_MS);
      try {
        check?.update(bytes);
        if (left === 0) check?.end();
        const startedAt = performance.now();
        await write(bytes);
        tookMs = performance.now() - startedAt;
        isFree = true;
      } finally {
        clearTimeout(late);
        // A connection that broke may still point at the bytes.
        giveBack(isFree);
      }
    }
  };
  await sending(ctx, range.length, FILE_SLICES, work).finally(() => pieces.wait());
}

/** Resolves once the bytes have left this process, so that their memory may be used again. */
type Write = (bytes: Uint8Array) => Promise<void>;

async function sending(
  ctx: RequestContext,
  length: number,
  slices: StepLimits,
  work: (write: Write) => Promise<void>,
): Promise<void> {
  const rate = ctx.state.minimumRate;
  tellRegionsUsed(ctx);
  ctx.length = length;
  ctx.respond = false;
  const { signal } = ctx.state;
  const pace = new ClientPace(rate, () => endStalledReader(ctx));
  // A write to a connection that has just closed is never called back.
  let interrupt = (_reason: unknown): void => undefined;
  const onAbort = (): void => interrupt(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const write = (slice: Uint8Array): Promise<void> => {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      interrupt = reject;
      onTurn(ctx, () => pace.waits());
      ctx.res.write(slice, (error) => {
        pace.moved(slice.byteLength);
        ctx.state.bytesOut += slice.byteLength;
        // The connection is broken; that it closes says so to everyone.
        if (error) ctx.res.destroy();
        else resolve();
      });
    });
  };
  try {
    await work(inSlices(write, slicesAt(rate, slices)));
    ctx.res.end();
  } catch (error) {
    if (!ctx.headerSent) {
      ctx.respond = true;
      throw error;
    }
    ctx.res.destroy();
    throw ctx.state.stalled === undefined ? error : ctx.state.failure;
  } finally {
    pace.end();
    signal.removeEventListener('abort', onAbort);
  }
}

/** Ends an answer that its reader does not take; who holds something for it is woken by the connection's end. */
function endStalledReader(ctx: RequestContext): void {
  ctx.state.stalled = 'reader';
  ctx.state.failure = new RegistryError(
    'TIMEOUT',
    `The client took less of the answer than ${describeRate(ctx.state.minimumRate)}, so its connection was closed.`,
  );
  ctx.res.destroy();
}

/**
 * Writes slice by slice, each once the client has taken the one before: small ones for whoever is slow, so that he is seen to move. For who is
 * quick the kernel holds so much that larger ones show no less.
 */
function inSlices(write: Write, { leastBytes, mostBytes }: StepLimits): Write {
  let size = leastBytes;
  return async (bytes) => {
    for (let start = 0; start < bytes.byteLength;) {
      const slice = bytes.subarray(start, start + size);
      const startedAt = performance.now();
      await write(slice);
      start += slice.byteLength;
      size = performance.now() - startedAt > SLOW_MS ? leastBytes : Math.min(mostBytes, 2 * size);
    }
  };
}

/** A file's bytes are in memory whatever part of them is written; a stream's come as fast as they leave. */
const FILE_SLICES: StepLimits = { leastBytes: 4 * 1024, mostBytes: 1024 * 1024 };
const STREAM_SLICES: StepLimits = { leastBytes: 4 * 1024, mostBytes: 64 * 1024 };

/** The least are what even the slowest client takes within a window. */
function slicesAt(rate: MinimumRate, { leastBytes, mostBytes }: StepLimits): StepLimits {
  if (rate.bytesPerSecond === 0) return { leastBytes: mostBytes, mostBytes };
  const ofWindow = Math.ceil(bytesOfWindow(rate));
  return { leastBytes: Math.min(mostBytes, Math.max(leastBytes, ofWindow)), mostBytes };
}

/** For an answer that is in memory whole: all of it must be taken within a window, or longer at the least rate. */
export function watchAnswer(ctx: RequestContext, length: number): void {
  const rate = ctx.state.minimumRate;
  if (rate.bytesPerSecond === 0) return;
  const limitMs = Math.max(rate.windowMs, (length / rate.bytesPerSecond) * 1000);
  onTurn(ctx, () => {
    const timer = setTimeout(() => endStalledReader(ctx), limitMs).unref();
    ctx.res.once('close', () => clearTimeout(timer));
  });
}

/** Calls back once the answers to requests before it on the same connection are sent; at once where there are none. */
function onTurn({ res }: RequestContext, begin: () => void): void {
  if (res.socket !== null) begin();
  else res.once('socket', begin);
}
