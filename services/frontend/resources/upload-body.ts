import { RegistryError } from '#libs/oci/errors.ts';
import { parseContentRange, type ChunkRange } from '#libs/oci/range.ts';
import type { Uploads } from '#libs/rpc/contracts.ts';
import { wrongOffset } from '#libs/upload-id.ts';
import type { Upload } from '#types/meridian/v1/Upload.ts';
import type { UploadTarget } from '#types/meridian/v1/UploadTarget.ts';
import type { WriteUpload } from '#types/meridian/v1/WriteUpload.ts';
import { contentLength, requestBody } from '../http/body.ts';
import { header, type RequestContext } from '../http/context.ts';
import type { Target } from './upload-session.ts';

/**
 * Appends the request's body to an upload as it comes. `Content-Range` is checked where it is given: the spec's clients and Docker's
 * differ in that. What arrived before an error is kept by storage. `finishes`: the upload is finished before anyone is answered.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks
 */
export async function appendBody(
  ctx: RequestContext,
  uploads: Uploads,
  upload: Target,
  finishes = false,
): Promise<Upload> {
  const range = chunkRange(ctx);
  const target = { ...upload, offset: range?.start ?? -1, finishes };
  if (ctx.state.awaitsContinue) await checkTarget(ctx, uploads, target);
  return uploads.write(messages(ctx, target, range), { signal: ctx.state.signal });
}

/** What a write would refuse, told to a client that has kept its body back for that. */
async function checkTarget(ctx: RequestContext, uploads: Uploads, target: UploadTarget): Promise<void> {
  const { offset } = await uploads.stat({ ...target, offset: -1 }, { signal: ctx.state.signal });
  if (target.offset !== -1 && target.offset !== offset) throw wrongOffset(offset, target.offset);
}

async function* messages(
  ctx: RequestContext,
  target: UploadTarget,
  range: ChunkRange | undefined,
): AsyncGenerator<WriteUpload, void, undefined> {
  yield { target };
  const expected = range === undefined ? undefined : range.end - range.start + 1;
  let received = 0;
  for await (const data of requestBody(ctx)) {
    received += data.length;
    if (expected !== undefined && received > expected) throw sizeMismatch(expected, `at least ${received}`);
    yield { data };
  }
  if (expected !== undefined && received < expected) throw sizeMismatch(expected, String(received));
}

/** Undefined without the header. Throws RANGE_INVALID, or SIZE_INVALID where Content-Length says something else. */
function chunkRange(ctx: RequestContext): ChunkRange | undefined {
  const text = header(ctx, 'content-range');
  if (text === undefined) return undefined;
  const range = parseContentRange(text);
  const expected = range.end - range.start + 1;
  const length = contentLength(ctx) ?? expected;
  if (length !== expected) throw sizeMismatch(expected, String(length));
  return range;
}

function sizeMismatch(expected: number, found: string): RegistryError {
  return new RegistryError(
    'SIZE_INVALID',
    `The chunk has ${found} bytes, but its Content-Range stands for ${expected}.`,
  );
}
