import { failpoint } from '#libs/failpoint.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { unknownUpload } from '#libs/upload-id.ts';
import type { BlobWriter, StagedBytes } from '../driver.ts';
import type { UploadRows } from '../owner/uploads.ts';
import { BlobDigester } from '../hashing/blob-digester.ts';
import type { StorageSettings } from '../settings.ts';
import { WriteBehind } from '../write-behind.ts';
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
  const behind = new WriteBehind(staged, { maxPendingBytes, flushEveryBytes, onFlushed: record });
  const digester =
    session.digester ?? (session.offset === 0 ? new BlobDigester(session.algorithm) : undefined);
  // Given back once it is sure that the hash has seen neither more nor less than what is durable.
  session.digester = undefined;
  let isWhole = false;
  try {
    let received = staged.size;
    for await (const chunk of data) {
      holder.activeAt = clock();
      received += chunk.length;
      checkSize(received, settings.maxUploadBytes);
      behind.push(chunk);
      digester?.update(chunk);
      await behind.room();
      await digester?.room();
      // Waiting for the disk is no stalling.
      holder.activeAt = clock();
    }
    isWhole = true;
  } finally {
    holder.settling = true;
    await behind.idle();
    const hashed = digester?.settle();
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
    await hashed;
    behind.check();
    session.digester = digester;
  }
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
