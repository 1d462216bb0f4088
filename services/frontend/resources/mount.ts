import { randomUUID } from 'node:crypto';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import type { Frontend } from '../frontend.ts';
import { queryParameter, type RequestContext } from '../http/context.ts';
import { findBlob } from './blobs.ts';

/**
 * Takes a blob over from the repository `from`. False whenever that can't be done, for whatever reason: the client then uploads, and
 * has learnt nothing of other repositories. Without `from` there is nothing to take it from.
 */
export async function mountBlob(
  frontend: Frontend,
  ctx: RequestContext,
  repository: RepositoryName,
  digest: Digest,
): Promise<boolean> {
  const from = queryParameter(ctx, 'from');
  if (from === undefined) return false;
  const source = parseRepositoryName(from);
  try {
    const { size } = await findBlob(
      frontend,
      { repository: source, digest, forUpload: true },
      ctx.state.signal,
    );
    if (await pin(frontend, ctx.state.signal, repository, digest, size)) return true;
    await copyHere(frontend, ctx.state.signal, source, digest, size);
    return await pin(frontend, ctx.state.signal, repository, digest, size);
  } catch (error) {
    if (ctx.state.signal.aborted || !isExpected(error)) throw error;
    return false;
  }
}

/** False when the blob is not whole in this region. */
async function pin(
  { storage }: Frontend,
  signal: AbortSignal,
  repository: string,
  digest: Digest,
  size: number,
): Promise<boolean> {
  const hold = { pushId: randomUUID(), repository, blobs: [{ digest, size }] };
  const { missing } = await storage.hold(hold, { signal });
  return missing.length === 0;
}

/** Waits until the blob is whole in this region; for a large one an upload by the client may be quicker. */
async function copyHere(
  { storage, transfer, settings }: Frontend,
  requestSignal: AbortSignal,
  repository: string,
  digest: Digest,
  size: number,
): Promise<void> {
  const signal = AbortSignal.any([requestSignal, AbortSignal.timeout(settings.mountWaitMs)]);
  await transfer.fetch({ repository, digest, size }, { signal });
  // The last byte comes only when the copy is complete and verified.
  const last = storage.read({ digest, offset: Math.max(0, size - 1), length: 0 }, { signal });
  for await (const _chunk of last);
}

function isExpected(error: unknown): boolean {
  return error instanceof RegistryError || (error instanceof Error && error.name === 'TimeoutError');
}
