import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import type { Uploads } from '#libs/rpc/contracts.ts';
import { regionOfUpload } from '#libs/upload-id.ts';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';
import type { Upload } from '#types/meridian/v1/Upload.ts';
import type { Frontend } from '../frontend.ts';
import { answerEmpty } from '../http/answer.ts';
import { queryParameter, type RequestContext } from '../http/context.ts';
import { tellBlobCreated } from './blob-created.ts';

/** An upload as a request names it. */
export interface Target {
  readonly id: string;
  readonly repository: string;
  /** Who asks: an upload of another is not known to him. Absent for one who has not said who he is. */
  readonly owner?: string;
}

export function ownerOf(ctx: RequestContext): Pick<Target, 'owner'> {
  const { owner } = ctx.state.access;
  return owner === undefined ? {} : { owner };
}

/** Where the upload lies: here, or in the region that its id names. Throws BLOB_UPLOAD_UNKNOWN for what is no id. */
export function uploadsOf({ region, uploads, remoteUploads }: Frontend, id: string): Uploads {
  return regionOfUpload(id) === region ? uploads : remoteUploads;
}

/** Publishes what has arrived as a blob, tells the other regions of it, and the client. */
export async function finishUpload(
  frontend: Frontend,
  ctx: RequestContext,
  target: Target,
  digest: Digest,
): Promise<void> {
  const { id, repository } = target;
  const { size } = await uploadsOf(frontend, id).finish({ ...target, digest }, { signal: ctx.state.signal });
  const blob = { region: regionOfUpload(id), repository, digest, size, isNew: true };
  await keepElsewhere(frontend, ctx, blob);
  frontend.announce(blob);
  tellBlobCreated(ctx, repository, digest);
}

/** In a region that leaves the cluster, a blob is told to be there only once another region has it. */
export async function keepElsewhere(
  { membership, region, transfer }: Frontend,
  ctx: RequestContext,
  blob: AnnounceBlob,
): Promise<void> {
  // Of uploads that lie in other regions, those see to it.
  if (blob.region !== region || !membership.isLeaving()) return;
  await transfer.keepElsewhere(blob, { signal: ctx.state.signal });
}

export function tellUpload(ctx: RequestContext, upload: Upload, status: 202 | 204): void {
  answerEmpty(ctx, status);
  ctx.set(standingOf(upload));
}

/** The upload's range counts bytes without naming a unit, and an empty upload says 0-0. */
export function standingOf({ id, repository, offset }: Upload): Record<string, string> {
  return {
    Location: `/v2/${repository}/blobs/uploads/${encodeURIComponent(id)}`,
    Range: `0-${Math.max(0, offset - 1)}`,
    'Docker-Upload-UUID': id,
  };
}

/** Throws DIGEST_INVALID. */
export function digestOfQuery(ctx: RequestContext, parameter: string): Digest | undefined {
  const text = queryParameter(ctx, parameter);
  return text === undefined ? undefined : parseDigest(text);
}
