import type { ByteRange } from '#libs/oci/range.ts';
import type { Chunk } from '#types/meridian/v1/Chunk.ts';

/** The bytes of a piece, chunk by chunk. */
export interface Piece {
  /** Not to be called after the last chunk. That one is given when the call has ended, so that a client who takes his time keeps nothing of it. */
  next(): Promise<Buffer>;
  /** Ends the call where it has not. */
  close(): Promise<void>;
}

/** Reads exactly the bytes of `range` from a call; throws where fewer or more come. `notice` gets each chunk first. */
export function openPiece(
  chunks: AsyncIterable<Chunk>,
  { offset, length }: ByteRange,
  notice?: (chunk: Chunk) => void,
): Piece {
  let call: AsyncIterator<Chunk> | undefined = chunks[Symbol.asyncIterator]();
  let received = 0;
  const wrong = (): Error =>
    new Error(`Bytes from position ${offset}: expected ${length}, but ${received} came.`);
  return {
    next: async () => {
      const step = await call?.next();
      if (step === undefined || step.done === true) throw wrong();
      const { data } = step.value;
      notice?.(step.value);
      received += data.length;
      if (received < length) return data;
      if (received > length) throw wrong();
      const after = await call?.next();
      if (after?.done !== true) throw wrong();
      call = undefined;
      return data;
    },
    close: async () => {
      await call?.return?.();
    },
  };
}
