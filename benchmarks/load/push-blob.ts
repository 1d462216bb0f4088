import { blobBytes } from '../workload/blob-bytes.ts';
import type { PlannedBlob } from '../workload/images.ts';
import type { Connection, Request, Response } from './connection.ts';
import type { Tally } from './tally.ts';
import type { UploadMode } from './work.ts';

const OCTETS = { 'content-type': 'application/octet-stream' };
const DEFAULT_CHUNK_BYTES = 16_000_000;

export interface BlobPush {
  readonly repository: string;
  readonly blob: PlannedBlob;
  readonly mode: UploadMode;
  readonly chunkBytes?: number | undefined;
}

/** Uploads a blob; throws where an answer is not the one expected. */
export async function pushBlob(connection: Connection, push: BlobPush, tally: Tally): Promise<void> {
  const { repository, blob, mode } = push;
  const uploads = `/v2/${repository}/blobs/uploads/`;
  const body = { chunks: blobBytes(blob), size: blob.size };
  if (mode === 'single-post') {
    const path = `${uploads}?digest=${blob.digest}`;
    await expectStatus(connection, tally, 201, { method: 'POST', path, headers: OCTETS, body });
  } else {
    const opened = await expectStatus(connection, tally, 202, { method: 'POST', path: uploads });
    const session =
      mode === 'chunked' ? await sendChunks(connection, push, opened, tally) : locationOf(opened);
    const path = `${session}${session.includes('?') ? '&' : '?'}digest=${encodeURIComponent(blob.digest)}`;
    const last = mode === 'chunked' ? {} : { body, headers: OCTETS };
    await expectStatus(connection, tally, 201, { method: 'PUT', path, ...last });
  }
  tally.bytes += blob.size;
}

/** One request, counted; throws where its answer is another than expected. */
export async function expectStatus(
  connection: Connection,
  tally: Tally,
  expected: number,
  request: Request,
): Promise<Response> {
  const response = await connection.request(request);
  tally.requests += 1;
  if (response.status === expected) return response;
  throw new Error(`status ${response.status} for ${request.method}, expected ${expected}`);
}

/** Gives where the upload goes on. */
async function sendChunks(
  connection: Connection,
  { blob, chunkBytes = DEFAULT_CHUNK_BYTES }: BlobPush,
  opened: Response,
  tally: Tally,
): Promise<string> {
  const pieces = blobBytes(blob);
  let session = locationOf(opened);
  let carried: Buffer | undefined;
  for (let from = 0; from < blob.size; from += chunkBytes) {
    const size = Math.min(chunkBytes, blob.size - from);
    const chunks: Buffer[] = [];
    for (let left = size; left > 0;) {
      const piece: Buffer = carried ?? (pieces.next().value as Buffer);
      const taken = piece.subarray(0, left);
      carried = taken.length === piece.length ? undefined : piece.subarray(taken.length);
      chunks.push(taken);
      left -= taken.length;
    }
    const headers = { ...OCTETS, 'content-range': `${from}-${from + size - 1}` };
    const sent = await expectStatus(connection, tally, 202, {
      ...{ method: 'PATCH', path: session, headers },
      body: { chunks, size },
    });
    session = locationOf(sent);
  }
  return session;
}

function locationOf(response: Response): string {
  const { pathname, search } = new URL(response.header('location') ?? '', 'http://registry');
  return pathname + search;
}
