import type { ByteRange } from '#libs/oci/range.ts';
import { iterateOutsideTrace } from '#libs/telemetry/trace.ts';
import type { Chunk } from '#types/meridian/v1/Chunk.ts';
import { openPiece, type Piece } from './piece.ts';
import type { ReadBudget, StepLimits } from './read-budget.ts';
import type { Turns } from './turns.ts';

/** So large that asking costs little, also of another region; and no smaller than what asking is worth. */
const PIECE: StepLimits = { mostBytes: 2 * 1024 * 1024, leastBytes: 32 * 1024 };

/** What all readers share. */
export interface ReadLimits {
  readonly budget: ReadBudget;
  /** For the calls that bring pieces: few at a time bring theirs sooner, and take less memory on their way. */
  readonly turns: Turns;
}

/** Begins to read a range of a blob. */
export type ReadPiece = (range: ByteRange) => AsyncIterable<Chunk>;

/**
 * The bytes of a range, asked for piece by piece: the next one when the one before has been taken. So a reader that stalls costs a
 * piece of memory here, and nothing where the bytes come from. The first piece's call stands for all in a trace.
 * `notice` gets each chunk first.
 */
export async function* inPieces(
  read: ReadPiece,
  { offset, length }: ByteRange,
  { budget, turns }: ReadLimits,
  signal: AbortSignal,
  notice?: (chunk: Chunk) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = offset + length;
  let tookMs = 0;
  for (let position = offset; position < end;) {
    const lent = budget.lend(PIECE, tookMs);
    const piece = { offset: position, length: Math.min(lent, end - position) };
    tookMs = 0;
    let endTurn: (() => void) | undefined;
    let open: Piece | undefined;
    try {
      endTurn = await turns.take(signal);
      open = openPiece(position === offset ? read(piece) : iterateOutsideTrace(read(piece)), piece, notice);
      for (let sent = 0; sent < piece.length;) {
        const data: Buffer = await open.next();
        sent += data.length;
        if (sent === piece.length) endTurn();
        const givenAt = performance.now();
        yield data;
        tookMs += performance.now() - givenAt;
      }
    } finally {
      endTurn?.();
      await open?.close();
      budget.giveBack(lent);
    }
    position += piece.length;
  }
}
