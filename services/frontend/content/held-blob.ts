import type { ByteRange } from '#libs/oci/range.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { Chunk } from '#types/meridian/v1/Chunk.ts';
import { iterateOutsideTrace } from '#libs/telemetry/trace.ts';
import { inPieces, type ReadLimits } from './pieces.ts';

/**
 * Reads a range of a blob that storage holds or is receiving. The blob's last byte is asked for first and sent last: it comes once all
 * are verified, and its reading fails when what was received is thrown away. So pieces of two different arrivals never become one body.
 * BLOB_UNKNOWN also where the range is more than `maxAhead` bytes beyond what has been received. `onArriving` is called before the first bytes of a blob
 * that is being received: its last byte then comes only if what is read is what was verified.
 */
export async function* readHeldBlob(
  storage: Pick<Storage, 'read'>,
  { digest, size, maxAhead }: { digest: string; size: number; maxAhead?: number },
  { offset, length }: ByteRange,
  limits: ReadLimits,
  signal: AbortSignal,
  onArriving?: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const left = new AbortController();
  const leave = (): void => left.abort(new Error('The reader needs no more.'));
  signal.addEventListener('abort', leave, { once: true });
  const last = lastByte(storage, digest, size, left.signal);
  const failure: { error?: unknown } = {};
  last.catch((error: unknown) => {
    failure.error = error;
  });
  const isWhole = offset + length === size;
  const before = { offset, length: isWhole ? length - 1 : length };
  try {
    const near = maxAhead === undefined ? {} : { maxAhead };
    const seen = { arriving: false };
    const notice = ({ arriving = false }: Chunk): void => {
      if (!arriving || seen.arriving || onArriving === undefined) return;
      seen.arriving = true;
      onArriving();
    };
    const read = (piece: ByteRange) => storage.read({ digest, ...near, ...piece }, { signal });
    for await (const data of inPieces(read, before, limits, signal, notice)) {
      if ('error' in failure) throw failure.error;
      yield data;
    }
    if (!isWhole) return;
    const { byte, arriving } = await last;
    if (seen.arriving && !arriving) throw new Error(`${digest} was received anew while it was read.`);
    yield Uint8Array.of(byte);
  } finally {
    signal.removeEventListener('abort', leave);
    leave();
  }
}

async function lastByte(
  storage: Pick<Storage, 'read'>,
  digest: string,
  size: number,
  signal: AbortSignal,
): Promise<{ readonly byte: number; readonly arriving: boolean }> {
  const chunks = storage.read({ digest, offset: size - 1, length: 1 }, { signal });
  for await (const { data, arriving = false } of iterateOutsideTrace(chunks)) {
    // The byte and not the buffer, which may keep a larger one alive.
    const [byte] = data;
    if (byte !== undefined && data.length === 1) return { byte, arriving };
    break;
  }
  throw new Error(`The last of ${size} bytes of ${digest} could not be read.`);
}
