import { failpoint } from '#libs/failpoint.ts';
import { algorithmOf, createDigester, type Digest } from '#libs/oci/digest.ts';
import { digestMismatch, readSpan } from '../byte-range.ts';
import type { Publisher } from '../blobs/publisher.ts';
import type { BlobWriter, HeldBlob, StagedBytes } from '../driver.ts';
import type { UploadRows } from '../owner/uploads.ts';
import type { StorageSettings } from '../settings.ts';
import type { Session } from './session.ts';
import { stageUpload } from './write.ts';

export interface FinishContext {
  readonly driver: BlobWriter;
  readonly rows: UploadRows;
  readonly publisher: Publisher;
  readonly settings: StorageSettings;
}

/**
 * Makes an upload, whose holder the caller is, a blob that is pinned for its repository. DIGEST_INVALID: it has another digest; the
 * upload stays as it was.
 */
export async function finishUpload(
  { driver, rows, publisher, settings }: FinishContext,
  session: Session,
  digest: Digest,
  signal: AbortSignal,
): Promise<HeldBlob> {
  if (session.verified !== digest) await verify(driver, session, digest, settings.readChunkBytes, signal);
  session.verified = digest;
  const blob = { digest, size: session.offset };
  const { repository } = session;
  failpoint('upload.verified');
  await publisher.publish('uploads', session.id, blob, { repository, unlessGivenUp: false });
  // Should it come back by a power cut, the bytes that it counted are gone: recover.ts.
  rows.noteRemoval(session.id);
  failpoint('upload.finished');
  return blob;
}

/** Makes sure that the upload is whole on disk and has the digest. */
async function verify(
  driver: BlobWriter,
  session: Session,
  digest: Digest,
  readChunkBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const staged = await stageUpload(driver, session);
  try {
    const actual = await digestOfUpload(session, staged, digest, readChunkBytes, signal);
    if (actual !== digest) throw digestMismatch(digest, actual);
    // Its bytes were flushed as they came, but an upload without any has had nothing to flush.
    if (session.offset === 0) await staged.flush();
  } finally {
    await staged.close();
  }
}

async function digestOfUpload(
  session: Session,
  staged: StagedBytes,
  expected: Digest,
  readChunkBytes: number,
  signal: AbortSignal,
): Promise<Digest> {
  const { digester } = session;
  const algorithm = algorithmOf(expected);
  if (digester !== undefined && session.algorithm === algorithm) {
    // It can't be asked twice.
    session.digester = undefined;
    return digester.digest();
  }
  const again = createDigester(algorithm);
  for await (const chunk of readSpan(staged, { start: 0, end: session.offset }, readChunkBytes, signal))
    again.update(chunk);
  return again.digest();
}
