import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { parseRange, type ByteRange } from '#libs/oci/range.ts';
import type { FoundBlob } from '#types/meridian/v1/FoundBlob.ts';
import type { Content } from '../content/reader.ts';
import type { ReadBuffers } from '../content/read-buffers.ts';
import type { Verification } from '../content/verification.ts';
import type { Frontend } from '../frontend.ts';
import { handOver, takesFile } from '../http/accel.ts';
import { requirePlaced } from '../placement.ts';
import { answerBytes, answerEmpty } from '../http/answer.ts';
import { allowsRange, entityTag, isNotModified, requireMatch } from '../http/conditions.ts';
import { digestOfPath, header, repositoryOf, type Handler, type RequestContext } from '../http/context.ts';
import { tellPosition } from '../http/freshness.ts';
import { sendFile, sendStream } from '../http/send.ts';

/** HEAD and GET of a blob. */
export function readBlob(frontend: Frontend, buffers: ReadBuffers): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = digestOfPath(ctx);
    // Who asks with HEAD would upload what is absent; who asks with GET has nothing to upload.
    const forUpload = ctx.method === 'HEAD';
    const { size, position } = await findBlob(frontend, { repository, digest, forUpload }, ctx.state.signal);
    const content: Content = { repository, digest, size };
    const send = await preparedBody(frontend, buffers, ctx, content);
    tellPosition(ctx, position, frontend.settings);
    ctx.set({
      'Docker-Content-Digest': digest,
      ETag: entityTag(digest),
      'Accept-Ranges': 'bytes',
      // A digest's bytes never change.
      'Cache-Control': 'max-age=31536000, immutable',
    });
    await send();
  };
}

export interface BlobQuestion {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** Without it, BLOB_UNKNOWN is only thrown when every region has been asked. */
  readonly forUpload: boolean;
}

/** Whether the repository owns the blob, and its size. Throws BLOB_UNKNOWN, DENIED where its content must not be in this region. */
export async function findBlob(
  { cache, catalog, region }: Frontend,
  question: BlobQuestion,
  signal: AbortSignal,
): Promise<FoundBlob> {
  const { repository, digest } = question;
  const cached = cache.blob(repository, digest);
  const found = cached ?? (await catalog.findBlob(question, { signal }));
  if (cached === undefined) cache.keepBlob(repository, found);
  requirePlaced(repository, found.reuse, region);
  return found;
}

type Send = () => Promise<void>;

/** Gets the bytes ready as far as an error can still be answered as one; the result then answers. */
async function preparedBody(
  frontend: Frontend,
  buffers: ReadBuffers,
  ctx: RequestContext,
  content: Content,
): Promise<Send> {
  const { digest, size } = content;
  requireMatch(header(ctx, 'if-match'), digest);
  if (isNotModified(header(ctx, 'if-none-match'), digest)) return async () => answerEmpty(ctx, 304);
  if (ctx.method === 'HEAD') return async () => describe(ctx, size);

  const range = rangeOf(ctx, content);
  const { offset, length } = range ?? { offset: 0, length: size };
  if (size <= frontend.settings.maxCachedBlobBytes) {
    const bytes = await frontend.content.whole(content, ctx.state.signal);
    return async () => {
      describe(ctx, size, range);
      answerBytes(ctx, bytes.subarray(offset, offset + length), BINARY);
    };
  }
  const { verification } = frontend;
  // Parts rely on the storage's scrubbing.
  const isWhole = length === size;
  const file = await frontend.files.open(digest, size, ctx.state.signal);
  if (file !== undefined) {
    const { handle, version, path } = file;
    const { accelLocation } = frontend.settings;
    if (accelLocation !== undefined && takesFile(ctx, range)) {
      await handle.close();
      return async () => handOver(ctx, accelLocation, path);
    }
    const check = isWhole ? verification.begin(digest, version) : undefined;
    return async () => {
      describe(ctx, size, range);
      const sent = sendFile(ctx, handle, { offset, length }, buffers, check);
      await suspecting(ctx, verification, digest, sent).finally(() => handle.close());
    };
  }
  const source = await frontend.content.stream(content, range, ctx.state.signal);
  const check = isWhole ? verification.begin(digest, undefined) : undefined;
  return async () => {
    describe(ctx, size, range);
    await suspecting(ctx, verification, digest, sendStream(ctx, source, length, check));
  };
}

/** Has a blob looked at whose sending failed, unless that was the client's doing. */
async function suspecting(
  ctx: RequestContext,
  verification: Verification,
  digest: Digest,
  sent: Promise<void>,
): Promise<void> {
  try {
    await sent;
  } catch (error) {
    const { signal, stalled } = ctx.state;
    if (!signal.aborted && stalled === undefined) verification.suspect(digest);
    throw error;
  }
}

const BINARY = 'application/octet-stream';

function describe(ctx: RequestContext, size: number, range?: ByteRange): void {
  ctx.status = range === undefined ? 200 : 206;
  ctx.set('Content-Type', BINARY);
  ctx.length = range?.length ?? size;
  if (range !== undefined) {
    ctx.set('Content-Range', `bytes ${range.offset}-${range.offset + range.length - 1}/${size}`);
  }
}

function rangeOf(ctx: RequestContext, { digest, size }: Content): ByteRange | undefined {
  if (!allowsRange(header(ctx, 'if-range'), digest)) return undefined;
  try {
    return parseRange(header(ctx, 'range'), size);
  } catch (error) {
    if (error instanceof RegistryError) ctx.set('Content-Range', `bytes */${size}`);
    throw error;
  }
}
