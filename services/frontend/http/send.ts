import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { ByteRange } from '#libs/oci/range.ts';
import type { ReadBuffers } from '../content/read-buffers.ts';
import type { RequestContext } from './context.ts';

/*
 * Bodies that stream. Content-Length is always told beforehand, and what fails midway destroys the connection: the client can't
 * take a short body for a whole one.
 */

/** Sends a stream of `length` bytes as fast as the client reads. */
export async function sendStream(
  ctx: RequestContext,
  source: AsyncIterable<Uint8Array>,
  length: number,
): Promise<void> {
  begin(ctx, length);
  await pipeline(exactly(ctx, source, length), ctx.res, { signal: ctx.state.signal });
}

/** Sends a piece of a file; the caller closes it. A buffer is lent only while the client's connection takes the bytes. */
export async function sendFile(
  ctx: RequestContext,
  file: FileHandle,
  range: ByteRange,
  buffers: ReadBuffers,
): Promise<void> {
  begin(ctx, range.length);
  const end = range.offset + range.length;
  try {
    for (let position = range.offset; position < end;) {
      const buffer = buffers.take();
      try {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - position), position);
        if (bytesRead === 0) throw new Error(`A blob's file ended at ${position}; expected ${end} bytes.`);
        await written(ctx, buffer.subarray(0, bytesRead));
        position += bytesRead;
      } finally {
        buffers.give(buffer);
      }
    }
    ctx.res.end();
  } catch (error) {
    ctx.res.destroy();
    throw error;
  }
}

function begin(ctx: RequestContext, length: number): void {
  ctx.length = length;
  ctx.respond = false;
}

/** Resolves once the bytes have left this process, so that their memory may be used again. */
function written(ctx: RequestContext, bytes: Uint8Array): Promise<void> {
  ctx.state.signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    ctx.res.write(bytes, (error) => {
      ctx.state.bytesOut += bytes.byteLength;
      if (error) reject(error);
      else resolve();
    });
  });
}

async function* exactly(
  ctx: RequestContext,
  source: AsyncIterable<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    ctx.state.bytesOut += chunk.byteLength;
    if (ctx.state.bytesOut > length) break;
    yield chunk;
  }
  if (ctx.state.bytesOut !== length) {
    throw new Error(`A blob was read with a length other than the ${length} bytes that it should have.`);
  }
}
