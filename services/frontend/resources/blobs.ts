import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { FoundBlob } from '#types/meridian/v1/FoundBlob.ts';
import type { Asking, Content } from '../content/reader.ts';
import type { ReadBuffers } from '../content/read-buffers.ts';
import type { Frontend } from '../frontend.ts';
import { requirePlaced } from '../placement.ts';
import { answerNow } from '../http/answer.ts';
import { entityTag, isNotModified, requireMatch } from '../http/conditions.ts';
import { digestOfPath, header, repositoryOf, type Handler, type RequestContext } from '../http/context.ts';
import { positionFields } from '../http/freshness.ts';
import { answerBlob } from './blob-body.ts';
import { bodyFields, rangeOf } from './blob-range.ts';

/** HEAD and GET of a blob. */
export function readBlob(frontend: Frontend, buffers: ReadBuffers): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = digestOfPath(ctx);
    // Who asks with HEAD would upload what is absent; who asks with GET has nothing to upload.
    const forUpload = ctx.method === 'HEAD';
    const { size, position } = await findBlob(frontend, { repository, digest, forUpload }, ctx.state);
    const content: Content = { repository, digest, size };
    requireMatch(header(ctx, 'if-match'), digest);
    const notModified = isNotModified(header(ctx, 'if-none-match'), digest);
    const fields = [
      ...positionFields(position, frontend.settings),
      ...['Docker-Content-Digest', digest, 'ETag', entityTag(digest), 'Accept-Ranges', 'bytes'],
      // A digest's bytes never change.
      ...['Cache-Control', 'max-age=31536000, immutable'],
    ];
    if (notModified) {
      answerNow(ctx, 304, fields);
      return;
    }
    if (forUpload) {
      answerNow(ctx, 200, [...fields, ...bodyFields(size)]);
      return;
    }
    if (size <= frontend.settings.maxCachedBlobBytes) return answerSmall(frontend, ctx, content, fields);
    await answerBlob(frontend, buffers, ctx, content, fields);
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
  request: Asking,
): Promise<FoundBlob> {
  const { repository, digest } = question;
  const cached = cache.blob(repository, digest);
  const found = cached ?? (await catalog.findBlob(question, { signal: request.signal }));
  if (cached === undefined) cache.keepBlob(repository, found);
  requirePlaced(repository, found.reuse, region);
  return found;
}

/** From memory; a part is cut out of the whole, which is verified. */
async function answerSmall(
  { content }: Frontend,
  ctx: RequestContext,
  blob: Content,
  fields: readonly string[],
): Promise<void> {
  const range = rangeOf(ctx, blob);
  const bytes = await content.whole(blob, ctx.state);
  const { offset, length } = range ?? { offset: 0, length: blob.size };
  const status = range === undefined ? 200 : 206;
  answerNow(
    ctx,
    status,
    [...fields, ...bodyFields(blob.size, range)],
    bytes.subarray(offset, offset + length),
  );
}
