import { algorithmOf, isDigestAlgorithm, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Frontend } from '../frontend.ts';
import { queryParameter, repositoryOf, type Handler, type RequestContext } from '../http/context.ts';
import { tellBlobCreated } from './blob-created.ts';
import { mountBlob } from './mount.ts';
import { appendBody } from './upload-body.ts';
import { digestOfQuery, finishUpload, ownerOf, tellUpload, uploadsOf } from './upload-session.ts';

/** Opens an upload; with `digest` takes the whole blob at once, with `mount` takes it from another repository. */
export function startUpload(frontend: Frontend): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = digestOfQuery(ctx, 'digest');
    const mount = digestOfQuery(ctx, 'mount');
    const algorithm = algorithmWanted(ctx, digest);
    frontend.membership.requireWritable();
    await frontend.placement.requireHere(repository, [], ctx.state.signal);
    if (mount !== undefined && (await mountBlob(frontend, ctx, repository, mount))) {
      tellBlobCreated(ctx, repository, mount);
      return;
    }
    const { signal } = ctx.state;
    const upload = await frontend.uploads.create({ repository, algorithm, ...ownerOf(ctx) }, { signal });
    const target = { id: upload.id, repository, ...ownerOf(ctx) };
    if (digest === undefined || mount !== undefined) {
      tellUpload(ctx, upload, 202);
      return;
    }
    const uploads = uploadsOf(frontend, upload.id);
    try {
      await appendBody(ctx, uploads, target, true);
      await finishUpload(frontend, ctx, target, digest);
    } catch (error) {
      // The client was never told of this upload, so nobody else would end it; what can't be cancelled now expires.
      const cancelled = { ...target, offset: -1 };
      await uploads
        .cancel(cancelled, { signal: AbortSignal.timeout(CANCEL_TIMEOUT_MS) })
        .catch(() => undefined);
      throw error;
    }
  };
}

const CANCEL_TIMEOUT_MS = 5000;

/** What to hash with while the bytes come: as announced, or as the digest that was sent along has it. */
function algorithmWanted(ctx: RequestContext, digest: Digest | undefined): string {
  const algorithm = queryParameter(ctx, 'digest-algorithm') ?? (digest && algorithmOf(digest)) ?? '';
  if (algorithm === '' || isDigestAlgorithm(algorithm)) return algorithm;
  throw new RegistryError(
    'DIGEST_INVALID',
    `The digest-algorithm ${quote(algorithm)} is not supported; use sha256 or sha512.`,
  );
}
