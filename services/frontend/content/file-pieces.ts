import type { OpenFile } from '#libs/files/open-file.ts';
import type { ByteRange } from '#libs/oci/range.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { SLOW_MS } from './read-budget.ts';

/** Bytes of a file in a buffer that is lent. */
export interface FilePiece {
  readonly bytes: Buffer;
  /** Gives the buffer back; `isFree` says that nothing else points at it any more. */
  readonly giveBack: (isFree: boolean) => void;
}

/** The pieces of a range of a file, in order. */
export interface FilePieces {
  /** The next piece, for a client that took `tookMs` for the one before. While a quick one takes it, those after it are read. Not to be called after the end. */
  next(tookMs: number): Promise<FilePiece>;
  /** Gives back what was read ahead: the client takes its time. */
  wait(): void;
}

/** Pieces of one range that are read or held at a time, beyond the one that the client takes. */
const MAX_AHEAD = 3;

interface Reading {
  readonly position: number;
  readonly bytes: Promise<Buffer>;
  readonly buffer: Buffer;
}

/** Reads a range of a file; throws where the file ends before it. `wait` before the file is closed. */
export function piecesOf(
  file: Pick<OpenFile, 'read'>,
  { offset, length }: ByteRange,
  buffers: ReadBuffers,
): FilePieces {
  const end = offset + length;
  let position = offset;
  let ahead: Reading[] = [];

  const begin = (buffer: Buffer): Reading => {
    const part = buffer.subarray(0, Math.min(buffer.length, end - position));
    const reading = { position, buffer, bytes: fill(part, file, position) };
    position += part.length;
    // Who takes the piece is told.
    reading.bytes.catch(() => undefined);
    return reading;
  };
  const readAhead = (): void => {
    while (ahead.length <= MAX_AHEAD && position < end) {
      const buffer = buffers.takeAhead(end - position);
      if (buffer === undefined) return;
      ahead.push(begin(buffer));
    }
  };
  return {
    next: async (tookMs) => {
      if (tookMs <= SLOW_MS) readAhead();
      const { buffer, bytes } = ahead.shift() ?? begin(buffers.take(tookMs));
      const giveBack = (isFree: boolean): void => buffers.give(buffer, isFree);
      try {
        return { bytes: await bytes, giveBack };
      } catch (error) {
        giveBack(true);
        throw error;
      }
    },
    wait: () => {
      position = ahead[0]?.position ?? position;
      for (const { buffer, bytes } of ahead) {
        const giveBack = (): void => buffers.give(buffer, true);
        bytes.then(giveBack, giveBack);
      }
      ahead = [];
    },
  };
}

async function fill(buffer: Buffer, file: Pick<OpenFile, 'read'>, position: number): Promise<Buffer> {
  for (let filled = 0; filled < buffer.length;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) {
      throw new Error(
        `A blob's file ended at ${position + filled}; expected ${position + buffer.length} bytes.`,
      );
    }
    filled += bytesRead;
  }
  return buffer;
}
