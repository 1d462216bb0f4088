import { digestOf } from '#libs/oci/digest.ts';
import { send, type Answer } from '#test/support/registry-client.ts';
import { putManifest, type SmallImage } from './small-image.ts';

/** What a pusher was told, up to where the push broke off. */
export interface RecordedPush {
  /** Blobs that were answered with 201. */
  readonly blobs: string[];
  /** An upload that is open, and how much of it was acknowledged. */
  upload: OpenUpload | undefined;
  /** The manifest was answered with 201. */
  acknowledged: boolean;
  /** Why it broke off. */
  failure: string | undefined;
}

export interface OpenUpload {
  readonly path: string;
  readonly bytes: Buffer;
  readonly offset: number;
}

/** Pushes as clients do, blobs in two chunks each, every request to the registry that `next` names. Never throws. */
export async function recordPush(
  next: () => string,
  repository: string,
  tag: string,
  image: SmallImage,
  signal: AbortSignal,
): Promise<RecordedPush> {
  const record: RecordedPush = { blobs: [], upload: undefined, acknowledged: false, failure: undefined };
  try {
    for (const bytes of image.blobs) {
      await recordUpload(next, repository, bytes, record, signal);
      record.blobs.push(digestOf(bytes));
      record.upload = undefined;
    }
    expectStatus(201, await putManifest(next(), repository, tag, image.manifest, { signal }));
    record.acknowledged = true;
  } catch (error) {
    record.failure = (error as Error).message;
  }
  return record;
}

/** Asks where an upload stands, sends the rest and finishes it; throws unless all that was acknowledged is there. */
export async function finishUpload(registry: string, upload: OpenUpload): Promise<void> {
  const asked = await send(registry, 'GET', upload.path);
  // Finished just before it died.
  if (asked.status === 404) return;
  expectStatus(204, asked);
  const [, last = '0'] = String(asked.headers.range).split('-');
  // `0-0` is told of no byte and of one alike; a wrong guess ends in another digest.
  const offset = Number(last) === 0 ? Math.min(upload.offset, 1) : Number(last) + 1;
  if (offset < upload.offset)
    throw new Error(`Of ${upload.offset} bytes that were acknowledged, ${offset} are left.`);
  const digest = digestOf(upload.bytes);
  const rest = upload.bytes.subarray(offset);
  expectStatus(201, await send(registry, 'PUT', `${upload.path}?digest=${digest}`, { body: rest }));
}

async function recordUpload(
  next: () => string,
  repository: string,
  bytes: Buffer,
  record: RecordedPush,
  signal: AbortSignal,
): Promise<void> {
  const opened = await send(next(), 'POST', `/v2/${repository}/blobs/uploads/`, { signal });
  expectStatus(202, opened);
  const path = pathOf(opened);
  record.upload = { path, bytes, offset: 0 };
  const half = Math.ceil(bytes.length / 2);
  const patched = await send(next(), 'PATCH', path, { body: bytes.subarray(0, half), signal });
  expectStatus(202, patched);
  record.upload = { path, bytes, offset: half };
  const finished = `${pathOf(patched)}?digest=${digestOf(bytes)}`;
  expectStatus(201, await send(next(), 'PUT', finished, { body: bytes.subarray(half), signal }));
}

function pathOf({ headers }: Answer): string {
  return new URL(String(headers.location), 'http://registry').pathname;
}

function expectStatus(status: number, answer: Answer): void {
  if (answer.status !== status)
    throw new Error(`Expected ${status}, got ${answer.status}: ${answer.body.toString()}`);
}
