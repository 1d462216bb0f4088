import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import type { Frontend } from '../frontend.ts';
import { queryParameter, type RequestContext } from '../http/context.ts';
import { findBlob } from './blobs.ts';

/**
 * Takes a blob over from the repository `from`, or without `from` from any that has it. False whenever that can't be done, for whatever
 * reason: the client then uploads, and has learnt nothing of other repositories.
 */
export async function mountBlob(
  frontend: Frontend,
  ctx: RequestContext,
  repository: RepositoryName,
  digest: Digest,
): Promise<boolean> {
  const from = queryParameter(ctx, 'from');
  const named = from === undefined ? undefined : parseRepositoryName(from);
  try {
    const found = await findSource(frontend, ctx, named, digest);
    if (found === undefined) return false;
    const { source, size } = found;
    if (await pin(frontend, ctx.state.signal, repository, digest, size)) return true;
    await copyHere(frontend, ctx.state.signal, source, digest, size);
    return await pin(frontend, ctx.state.signal, repository, digest, size);
  } catch (error) {
    if (ctx.state.signal.aborted || !isExpected(error)) throw error;
    return false;
  }
}

interface Source {
  readonly source: string;
  readonly size: number;
}

/** The repository to take the blob from: the named one, or the first of all that have it; one that the asker may pull from. */
async function findSource(
  frontend: Frontend,
  { state: { access, signal } }: RequestContext,
  named: RepositoryName | undefined,
  digest: Digest,
): Promise<Source | undefined> {
  if (named !== undefined) {
    if (!access.may('pull', named)) return undefined;
    const { size } = await findBlob(frontend, { repository: named, digest, forUpload: true }, { signal });
    return { source: named, size };
  }
  const limit = frontend.settings.maxMountCandidates;
  const { region, catalog } = frontend;
  const { repositories, size } = await catalog.findOwners({ digest, limit, region }, { signal });
  const source = repositories.find((name) => access.may('pull', parseRepositoryName(name)));
  return source === undefined ? undefined : { source, size };
}

/** False when the blob is not whole in this region. */
async function pin(
  { storage, region, announce, membership, transfer }: Frontend,
  signal: AbortSignal,
  repository: string,
  digest: Digest,
  size: number,
): Promise<boolean> {
  const hold = { pushId: randomUUID(), repository, blobs: [{ digest, size }] };
  const { missing } = await storage.hold({ ...hold, epoch: 0, unlessGivenUp: false }, { signal });
  if (missing.length > 0) return false;
  // As at the end of an upload: this region may have begun to leave meanwhile.
  const blob = { region, repository, digest, size, isNew: false };
  if (membership.isLeaving()) await transfer.keepElsewhere(blob, { signal });
  announce(blob);
  return true;
}

/** Between two looks whether a copy is on disk. */
const HELD_PAUSE_MS = 20;

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
  // The last byte comes only when the copy is complete and verified; soon after that it is held.
  const last = storage.read({ digest, offset: Math.max(0, size - 1), length: 0 }, { signal });
  for await (const _chunk of last);
  while ((await storage.stat({ digests: [digest] }, { signal })).blobs.length === 0) {
    await pause(HELD_PAUSE_MS);
    signal.throwIfAborted();
  }
}

function isExpected(error: unknown): boolean {
  return error instanceof RegistryError || (error instanceof Error && error.name === 'TimeoutError');
}
