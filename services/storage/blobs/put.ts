import { randomUUID } from 'node:crypto';
import { algorithmOf, digestOf, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { digestMismatch } from '../byte-range.ts';
import type { BlobReader, BlobWriter, HeldBlob } from '../driver.ts';
import type { Publisher } from './publisher.ts';

export interface PutContext {
  readonly driver: BlobReader & BlobWriter;
  readonly publisher: Publisher;
  readonly maxPutBytes: number;
}

/** Stores a small blob, pinned for the repository. TOO_LARGE, SIZE_INVALID, DIGEST_INVALID: nothing of it is left. */
export async function putBlob(
  { driver, publisher, maxPutBytes }: PutContext,
  { digest, size }: HeldBlob,
  repository: string,
  data: AsyncIterable<Buffer>,
): Promise<HeldBlob> {
  if (size > maxPutBytes) throw tooLarge(size, maxPutBytes);
  const blob = { digest, size };
  const bytes = await collect(data, blob);
  const holder = { repository, unlessGivenUp: false };
  // Looked at and pinned at once, so that no collection comes between.
  const { missing } = await publisher.hold(holder, [blob]);
  if (missing.length === 0) return blob;
  const name = randomUUID();
  try {
    const staged = await driver.stage('ingests', name, 0);
    try {
      if (size > 0) await staged.append([bytes]);
      await staged.flush();
    } finally {
      await staged.close();
    }
    await publisher.publish('ingests', name, blob, holder);
  } catch (error) {
    await driver.discard('ingests', name);
    throw error;
  }
  return blob;
}

async function collect(
  data: AsyncIterable<Buffer>,
  { digest, size }: { digest: Digest; size: number },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let received = 0;
  for await (const chunk of data) {
    received += chunk.length;
    if (received > size) break;
    chunks.push(chunk);
  }
  if (received !== size) {
    throw new RegistryError(
      'SIZE_INVALID',
      `The blob ${digest} should have ${size} bytes, but ${received > size ? 'more' : `only ${received}`} came.`,
      { detail: { size } },
    );
  }
  const bytes = Buffer.concat(chunks);
  const actual = digestOf(bytes, algorithmOf(digest));
  if (actual !== digest) throw digestMismatch(digest, actual);
  return bytes;
}

function tooLarge(size: number, maxBytes: number): RegistryError {
  return new RegistryError(
    'TOO_LARGE',
    `The content has ${size} bytes; at most ${maxBytes} are accepted here.`,
    {
      detail: { maxBytes },
    },
  );
}
