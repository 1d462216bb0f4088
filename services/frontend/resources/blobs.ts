import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { FoundBlob } from '#types/meridian/v1/FoundBlob.ts';
import type { Content } from '../content/reader.ts';
import type { ReadBuffers } from '../content/read-buffers.ts';
import type { Frontend } from '../frontend.ts';
import { requirePlaced } from '../placement.ts';
import { entityTag } from '../http/conditions.ts';
import { digestOfPath, repositoryOf, type Handler } from '../http/context.ts';
import { tellPosition } from '../http/freshness.ts';
import { answerBlob } from './blob-body.ts';

/** HEAD and GET of a blob. */
export function readBlob(frontend: Frontend, buffers: ReadBuffers): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = digestOfPath(ctx);
    // Who asks with HEAD would upload what is absent; who asks with GET has nothing to upload.
    const forUpload = ctx.method === 'HEAD';
    const { size, position } = await findBlob(frontend, { repository, digest, forUpload }, ctx.state.signal);
    const content: Content = { repository, digest, size };
    await answerBlob(frontend, buffers, ctx, content, () => {
      tellPosition(ctx, position, frontend.settings);
      ctx.set({
        'Docker-Content-Digest': digest,
        ETag: entityTag(digest),
        'Accept-Ranges': 'bytes',
        // A digest's bytes never change.
        'Cache-Control': 'max-age=31536000, immutable',
      });
    });
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
