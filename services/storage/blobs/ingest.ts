import { randomUUID } from 'node:crypto';
import { failpoint } from '#libs/failpoint.ts';
import { algorithmOf } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { digestMismatch } from '../byte-range.ts';
import type { BlobReader, BlobWriter, HeldBlob, StagedBytes } from '../driver.ts';
import type { StorageSettings } from '../settings.ts';
import { HashingWriter } from '../writing/hashing-writer.ts';
import { WriteBehind } from '../writing/write-behind.ts';
import { WITHHELD_BYTES, type Arrival } from './arrival.ts';
import type { Publisher } from './publisher.ts';

export interface IngestContext {
  readonly driver: BlobReader & BlobWriter;
  readonly publisher: Publisher;
  readonly settings: StorageSettings;
}

/**
 * Stores a blob while others read along. DIGEST_INVALID, SIZE_INVALID, an error of `data` or of the disk: nothing of it is left.
 * Where the blob is held, `data` is not looked at.
 */
export async function ingestBlob(
  { driver, publisher, settings }: IngestContext,
  arrival: Arrival,
  repository: string,
  data: AsyncIterable<Buffer>,
): Promise<HeldBlob> {
  const blob = { digest: arrival.digest, size: arrival.size };
  const holder = { repository, unlessGivenUp: true };
  // Looked at and pinned at once, so that no collection comes between.
  const { missing } = await publisher.hold(holder, [blob]);
  const isHeld = missing.length === 0;
  if (isHeld || (await driver.stat(blob.digest)) !== undefined) {
    arrival.begin(undefined);
    if (!isHeld) throw wrongSize(blob, 'another number of');
    arrival.verified();
    return blob;
  }
  const name = randomUUID();
  const staged = await driver.stage('ingests', name, 0);
  // The arrival closes the staged bytes when its last reader is done.
  arrival.begin(staged);
  try {
    await receive(arrival, staged, data, settings);
    failpoint('copy.flushed');
    await publisher.publish('ingests', name, blob, holder);
    failpoint('copy.published');
    return blob;
  } catch (error) {
    await driver.discard('ingests', name);
    throw error;
  }
}

async function receive(
  arrival: Arrival,
  staged: StagedBytes,
  data: AsyncIterable<Buffer>,
  { maxPendingWriteBytes: maxPendingBytes, flushEveryBytes }: StorageSettings,
): Promise<void> {
  const onWritten = (): void => arrival.advance();
  const writer = new HashingWriter(algorithmOf(arrival.digest));
  // Who reads along waits for whatever there is, unless all of it is withheld.
  const leastBytes = arrival.size <= WITHHELD_BYTES ? WITHHELD_BYTES : 1;
  const options = { maxPendingBytes, leastBytes, flushEveryBytes, onWritten };
  const behind = new WriteBehind(staged, writer.to(staged), options);
  let received = 0;
  try {
    for await (const chunk of data) {
      received += chunk.length;
      if (received > arrival.size) throw wrongSize(arrival, 'more');
      behind.push(chunk);
      await behind.room();
    }
  } finally {
    await behind.idle();
  }
  if (received < arrival.size) throw wrongSize(arrival, `only ${received}`);
  behind.check();
  const actual = await writer.digest();
  if (actual === undefined) throw new Error(`The digest of ${arrival.digest} was lost as it came.`);
  if (actual !== arrival.digest) throw digestMismatch(arrival.digest, actual);
  arrival.verified();
  failpoint('copy.received');
  await staged.flush({ isPublishedNext: true });
}

function wrongSize({ digest, size }: { digest: string; size: number }, came: string): RegistryError {
  return new RegistryError(
    'SIZE_INVALID',
    `The blob ${digest} should have ${size} bytes, but ${came} bytes came. Check the size that was asked for.`,
    { detail: { digest, size } },
  );
}
