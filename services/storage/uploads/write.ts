import { failpoint } from '#libs/failpoint.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { unknownUpload } from '#libs/upload-id.ts';
import type { BlobWriter, StagedBytes } from '../driver.ts';
import type { UploadRows } from '../owner/uploads.ts';
import type { StorageSettings } from '../settings.ts';
import { HashingWriter, LARGE_BYTES } from '../writing/hashing-writer.ts';
import { WriteBehind, type Appender } from '../writing/write-behind.ts';
import type { Holder, Session } from './session.ts';

export interface WriteContext {
  readonly driver: BlobWriter;
  readonly rows: UploadRows;
  readonly settings: StorageSettings;
  readonly clock: () => number;
}

/** What is to be appended, and whether the upload is finished next. */
export interface Arriving {
  readonly data: AsyncIterable<Buffer>;
  readonly finishes: boolean;
}

/**
 * Appends bytes to an upload whose holder the caller is. However the bytes end, those that came are durable, and counted in
 * `session.offset`, before this returns or throws; so is that count, unless they ended well and the upload `finishes` next.
 */
export async function writeUpload(
  context: WriteContext,
  session: Session,
  holder: Holder,
  arriving: Arriving,
): Promise<void> {
  session.verified = undefined;
  const staged = await stageUpload(context.driver, session);
  try {
    await receive(context, session, holder, staged, arriving);
  } finally {
    await staged.close();
  }
}

/** Opens the bytes that an upload has so far. BLOB_UPLOAD_UNKNOWN: they are gone, by a crash while it finished or from a damaged disk. */
export async function stageUpload(driver: BlobWriter, { id, offset }: Session): Promise<StagedBytes> {
  const staged = await driver.stage('uploads', id, offset);
  if (staged.size === offset) return staged;
  await staged.close();
  await driver.discard('uploads', id);
  throw unknownUpload(id);
}

async function receive(
  { rows, settings, clock }: WriteContext,
  session: Session,
  holder: Holder,
  staged: StagedBytes,
  { data, finishes }: Arriving,
): Promise<void> {
  const record = async (offset: number): Promise<void> => {
    await rows.setOffset(session.id, offset, clock());
    session.offset = offset;
  };
  const { maxPendingWriteBytes: maxPendingBytes, flushEveryBytes } = settings;
  const options = { maxPendingBytes, leastBytes: LARGE_BYTES, flushEveryBytes, onFlushed: record };
  const writer = session.writer ?? (session.offset === 0 ? new HashingWriter(session.algorithm) : undefined);
  // Given back once it is sure that the hash has seen neither more nor less than what is durable.
  session.writer = undefined;
  const behind = new WriteBehind(staged, writer?.to(staged) ?? unhashed(staged), options);
  let isWhole = false;
  try {
    let received = staged.size;
    for await (const chunk of data) {
      holder.activeAt = clock();
      received += chunk.length;
      checkSize(received, settings.maxUploadBytes);
      behind.push(chunk);
      await behind.room();
      // Waiting for the disk is no stalling.
      holder.activeAt = clock();
    }
    isWhole = true;
  } finally {
    holder.settling = true;
    await behind.idle();
    if (staged.size > session.offset) {
      failpoint('upload.written');
      const isPublishedNext = isWhole && finishes;
      await staged.flush({ isPublishedNext });
      failpoint('upload.flushed');
      if (isPublishedNext) {
        rows.noteOffset(session.id, staged.size, clock());
        session.offset = staged.size;
      } else await record(staged.size);
    }
    behind.check();
    session.writer = writer;
  }
}

/** For an upload whose first bytes this process has not seen: it is read again when it ends. */
function unhashed(staged: StagedBytes): Appender {
  return { depth: 1, append: (chunks) => staged.append(chunks) };
}

function checkSize(bytes: number, maxBytes: number): void {
  if (maxBytes === 0 || bytes <= maxBytes) return;
  throw new RegistryError(
    'TOO_LARGE',
    `The upload is larger than the ${maxBytes} bytes that this registry accepts.`,
    {
      detail: { maxBytes },
    },
  );
}
