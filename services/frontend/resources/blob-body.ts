import { RegistryError } from '#libs/oci/errors.ts';
import type { ByteRange } from '#libs/oci/range.ts';
import type { Content } from '../content/reader.ts';
import type { ReadBuffers } from '../content/read-buffers.ts';
import type { Frontend } from '../frontend.ts';
import { handOver, takesFile } from '../http/accel.ts';
import { setFields } from '../http/answer.ts';
import type { RequestContext } from '../http/context.ts';
import { sendFile, sendStream } from '../http/send.ts';
import { bodyFields, rangeOf } from './blob-range.ts';

/** The file here, what comes in its place, and once more should that be wrong too. */
const MAX_TRIES = 3;

/**
 * Answers with a blob that is not kept in memory, or the part of it that is asked for. What turns out to be damaged before its first byte has left is put out of the way and
 * had from elsewhere; UNAVAILABLE where that fails. `fields` go into the header: names and values in turns.
 */
export async function answerBlob(
  frontend: Frontend,
  buffers: ReadBuffers,
  ctx: RequestContext,
  content: Content,
  fields: readonly string[],
): Promise<void> {
  const { verification } = frontend;
  const { signal } = ctx.state;
  const headers = new Set(ctx.res.getHeaderNames());
  for (let tries = 1; ; tries++) {
    const { send, close } = await preparedBody(frontend, buffers, ctx, content, tries === 1);
    setFields(ctx, fields);
    try {
      await send();
      return;
    } catch (error) {
      // At once: what was sent midway has been cut, which looks as if the client had gone a moment later.
      if (signal.aborted || ctx.state.stalled !== undefined) throw error;
      if (ctx.headerSent) {
        verification.suspect(content.digest);
        throw error;
      }
      for (const name of ctx.res.getHeaderNames()) if (!headers.has(name)) ctx.remove(name);
      await verification.isGone(content.digest, signal);
      if (tries === MAX_TRIES) throw unreadable(content, error);
    } finally {
      await close?.();
    }
  }
}

interface Body {
  readonly send: () => Promise<void>;
  /** To be called in the end. */
  readonly close?: () => Promise<void>;
}

/** Gets the bytes ready as far as an error can still be answered as one. */
async function preparedBody(
  frontend: Frontend,
  buffers: ReadBuffers,
  ctx: RequestContext,
  content: Content,
  mayOpenFile: boolean,
): Promise<Body> {
  const { digest, size } = content;
  const range = rangeOf(ctx, content);
  const { offset, length } = range ?? { offset: 0, length: size };
  const { verification } = frontend;
  // Parts rely on the storage's scrubbing.
  const isWhole = length === size;
  const file = mayOpenFile ? await frontend.files.open(digest, size, ctx.state.signal) : undefined;
  if (file !== undefined) {
    const { handle, version, path, close } = file;
    const { accelLocation } = frontend.settings;
    if (accelLocation !== undefined && takesFile(ctx, range)) {
      await close();
      return { send: async () => handOver(ctx, accelLocation, path) };
    }
    const check = isWhole ? verification.begin(digest, version) : undefined;
    const send = async (): Promise<void> => {
      describe(ctx, size, range);
      await sendFile(ctx, handle, { offset, length }, buffers, check);
    };
    return { send, close };
  }
  const { bytes, isVerified } = await frontend.content.stream(content, range, ctx.state.signal);
  const check = isWhole && !isVerified ? verification.begin(digest, undefined) : undefined;
  const send = async (): Promise<void> => {
    describe(ctx, size, range);
    await sendStream(ctx, bytes, length, check);
  };
  return { send };
}

function describe(ctx: RequestContext, size: number, range?: ByteRange): void {
  ctx.status = range === undefined ? 200 : 206;
  setFields(ctx, bodyFields(size, range));
}

function unreadable({ repository, digest }: Content, cause: unknown): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `${digest} is known in ${repository}, but what could be read in its place, here or elsewhere, was damaged. Try again.`,
    { cause, retryAfterSeconds: 5 },
  );
}
