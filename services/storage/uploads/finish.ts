import { failpoint } from '#libs/failpoint.ts';
import { algorithmOf, createDigester, type Digest } from '#libs/oci/digest.ts';
import { digestMismatch, readSpan } from '../byte-range.ts';
import type { Publisher } from '../blobs/publisher.ts';
import type { BlobWriter, HeldBlob } from '../driver.ts';
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
  // Should it come back by a crash, the bytes that it counted are gone: recover.ts.
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
  // What was hashed as it came was flushed then, too; an upload without any bytes has had nothing to flush.
  const actual = session.offset === 0 ? undefined : await takeHashed(session, digest);
  if (actual === undefined) await reread(driver, session, digest, readChunkBytes, signal);
  else if (actual !== digest) throw digestMismatch(digest, actual);
}

/** The digest of the bytes as they were hashed when they came; undefined where they were not. */
async function takeHashed(session: Session, expected: Digest): Promise<Digest | undefined> {
  const { writer, algorithm } = session;
  if (writer === undefined || algorithm !== algorithmOf(expected)) return undefined;
  // It can't be asked twice.
  session.writer = undefined;
  return writer.digest();
}

async function reread(
  driver: BlobWriter,
  session: Session,
  expected: Digest,
  readChunkBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const staged = await stageUpload(driver, session);
  try {
    const digester = createDigester(algorithmOf(expected));
    for await (const chunk of readSpan(staged, { start: 0, end: session.offset }, readChunkBytes, signal))
      digester.update(chunk);
    const actual = digester.digest();
    if (actual !== expected) throw digestMismatch(expected, actual);
    if (session.offset === 0) await staged.flush({ isPublishedNext: true });
  } finally {
    await staged.close();
  }
}
