import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { regionOfUpload } from '#libs/upload-id.ts';
import type { Upload } from '#types/meridian/v1/Upload.ts';
import type { Frontend } from '../frontend.ts';
import { answerEmpty } from '../http/answer.ts';
import { hasBody } from '../http/body.ts';
import { pathParameter, repositoryOf, type Handler, type RequestContext } from '../http/context.ts';
import { appendBody } from './upload-body.ts';
import {
  digestOfQuery,
  finishUpload,
  ownerOf,
  standingOf,
  tellUpload,
  uploadsOf,
  type Target,
} from './upload-session.ts';

/** Appends a chunk. */
export function writeUpload(frontend: Frontend): Handler {
  return async (ctx) => {
    const target = targetOf(ctx);
    await requirePlaced(frontend, ctx, target);
    tellUpload(ctx, await append(frontend, ctx, target), 202);
  };
}

/** Appends the last chunk, if one comes along, and publishes the blob. */
export function endUpload(frontend: Frontend): Handler {
  return async (ctx) => {
    const target = targetOf(ctx);
    await requirePlaced(frontend, ctx, target);
    const digest = digestOfQuery(ctx, 'digest');
    if (digest === undefined) {
      throw new RegistryError(
        'DIGEST_INVALID',
        'The query parameter digest is missing: it must name the digest of the whole blob.',
      );
    }
    if (hasBody(ctx)) await append(frontend, ctx, target, true).catch(unlessUnknown);
    await finishUpload(frontend, ctx, target, digest);
  };
}

/** Tells how much of an upload has arrived. */
export function uploadStatus(frontend: Frontend): Handler {
  return async (ctx) => {
    const target = targetOf(ctx);
    const upload = await uploadsOf(frontend, target.id).stat(
      { ...target, offset: -1 },
      { signal: ctx.state.signal },
    );
    tellUpload(ctx, upload, 204);
  };
}

export function cancelUpload(frontend: Frontend): Handler {
  return async (ctx) => {
    const target = targetOf(ctx);
    await uploadsOf(frontend, target.id).cancel({ ...target, offset: -1 }, { signal: ctx.state.signal });
    answerEmpty(ctx, 204);
  };
}

/** An upload may have been begun before its repository was placed. Throws DENIED where it, or this front end, is in a region for other content only. */
function requirePlaced(
  { placement }: Frontend,
  ctx: RequestContext,
  { id, repository }: { id: string; repository: RepositoryName },
): Promise<void> {
  return placement.requireHere(repository, [regionOfUpload(id)], ctx.state.signal);
}

function targetOf(ctx: RequestContext): Target & { readonly repository: RepositoryName } {
  return { repository: repositoryOf(ctx), id: pathParameter(ctx, 'id'), ...ownerOf(ctx) };
}

/** Appends the request's body. An answer that refuses its place tells where the upload stands, as GET would. */
async function append(
  frontend: Frontend,
  ctx: RequestContext,
  target: Target,
  finishes = false,
): Promise<Upload> {
  try {
    return await appendBody(ctx, uploadsOf(frontend, target.id), target, finishes);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'RANGE_INVALID') {
      const { offset } = (error.detail ?? {}) as { offset?: number };
      if (offset !== undefined) ctx.set(standingOf({ ...target, offset }));
    }
    throw error;
  }
}

/** An upload that is gone may have been finished by this very request, whose first answer did not arrive; finishing again tells. */
function unlessUnknown(error: unknown): void {
  if (!(error instanceof RegistryError) || error.code !== 'BLOB_UPLOAD_UNKNOWN') throw error;
}
