import { isDigestAlgorithm, parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { quote } from '#libs/oci/quote.ts';
import { regionOfUpload } from '#libs/upload-id.ts';
import type { Uploads } from '#libs/rpc/contracts.ts';
import type { Upload } from '#types/meridian/v1/Upload.ts';
import type { Frontend } from '../frontend.ts';
import { answerEmpty } from '../http/answer.ts';
import { hasBody } from '../http/body.ts';
import {
  pathParameter,
  queryParameter,
  repositoryOf,
  type Handler,
  type RequestContext,
} from '../http/context.ts';
import { tellBlobCreated } from './blob-created.ts';
import { mountBlob } from './mount.ts';
import { appendBody } from './upload-body.ts';

/** Opens an upload; with `digest` takes the whole blob at once, with `mount` takes it from another repository. */
export function startUpload(frontend: Frontend): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = optionalDigest(ctx, 'digest');
    const mount = optionalDigest(ctx, 'mount');
    const algorithm = algorithmWanted(ctx);
    if (mount !== undefined && (await mountBlob(frontend, ctx, repository, mount))) {
      tellBlobCreated(ctx, repository, mount);
      return;
    }
    const { signal } = ctx.state;
    const upload = await frontend.uploads.create({ repository, algorithm }, { signal });
    if (digest === undefined || mount !== undefined) {
      tellUpload(ctx, upload, 202);
      return;
    }
    try {
      await appendBody(ctx, frontend.uploads, upload);
      await finish(frontend, ctx, upload, digest);
    } catch (error) {
      // The client was never told of this upload, so nobody else would end it; what can't be cancelled now expires.
      const cancelled = { id: upload.id, repository, offset: -1 };
      await frontend.uploads
        .cancel(cancelled, { signal: AbortSignal.timeout(CANCEL_TIMEOUT_MS) })
        .catch(() => undefined);
      throw error;
    }
  };
}

const CANCEL_TIMEOUT_MS = 5000;

/** Appends a chunk. */
export function writeUpload(frontend: Frontend): Handler {
  return async (ctx) => {
    const target = targetOf(ctx);
    const upload = await appendBody(ctx, uploadsOf(frontend, target.id), target);
    tellUpload(ctx, upload, 202);
  };
}

/** Appends the last chunk, if one comes along, and publishes the blob. */
export function finishUpload(frontend: Frontend): Handler {
  return async (ctx) => {
    const target = targetOf(ctx);
    const digest = optionalDigest(ctx, 'digest');
    if (digest === undefined) {
      throw new RegistryError(
        'DIGEST_INVALID',
        'The query parameter digest is missing: it must name the digest of the whole blob.',
      );
    }
    if (hasBody(ctx)) await appendBody(ctx, uploadsOf(frontend, target.id), target);
    await finish(frontend, ctx, target, digest);
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

interface Target {
  readonly id: string;
  readonly repository: string;
}

function targetOf(ctx: RequestContext): { id: string; repository: RepositoryName } {
  return { repository: repositoryOf(ctx), id: pathParameter(ctx, 'id') };
}

/** Where the upload lies: here, or in the region that its id names. Throws BLOB_UPLOAD_UNKNOWN for what is no id. */
function uploadsOf({ region, uploads, remoteUploads }: Frontend, id: string): Uploads {
  return regionOfUpload(id) === region ? uploads : remoteUploads;
}

async function finish(
  frontend: Frontend,
  ctx: RequestContext,
  { id, repository }: Target,
  digest: Digest,
): Promise<void> {
  const blob = await uploadsOf(frontend, id).finish({ id, repository, digest }, { signal: ctx.state.signal });
  frontend.announce({ region: regionOfUpload(id), repository, digest, size: blob.size });
  tellBlobCreated(ctx, repository, digest);
}

/** The upload's range counts bytes without naming a unit, and an empty upload says 0-0. */
function tellUpload(ctx: RequestContext, { id, repository, offset }: Upload, status: 202 | 204): void {
  answerEmpty(ctx, status);
  ctx.set({
    Location: `/v2/${repository}/blobs/uploads/${encodeURIComponent(id)}`,
    Range: `0-${Math.max(0, offset - 1)}`,
    'Docker-Upload-UUID': id,
  });
}

function optionalDigest(ctx: RequestContext, parameter: string): Digest | undefined {
  const text = queryParameter(ctx, parameter);
  return text === undefined ? undefined : parseDigest(text);
}

function algorithmWanted(ctx: RequestContext): string {
  const algorithm = queryParameter(ctx, 'digest-algorithm') ?? '';
  if (algorithm === '' || isDigestAlgorithm(algorithm)) return algorithm;
  throw new RegistryError(
    'DIGEST_INVALID',
    `The digest-algorithm ${quote(algorithm)} is not supported; use sha256 or sha512.`,
  );
}
