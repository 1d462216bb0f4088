import { open } from 'node:fs/promises';

const CHUNK_BYTES = 64 * 1024;
/** Far above an entry's; what is longer is none. */
const MAX_LINE_BYTES = 16 * 1024;
const NEWLINE = 0x0a;

/** The lines of a file, the last one first, as far as they are wanted. What comes after the last end of a line is left out. */
export async function* linesBackwards(path: string): AsyncGenerator<string, void, undefined> {
  const handle = await open(path, 'r');
  try {
    let { size: left } = await handle.stat();
    // What was read of a line whose beginning was not; undefined before the first end of a line, from behind.
    let rest: Buffer | undefined;
    while (left > 0) {
      const length = Math.min(CHUNK_BYTES, left);
      left -= length;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, left);
      const chunk = buffer.subarray(0, bytesRead);
      let end = chunk.length;
      for (
        let at = chunk.lastIndexOf(NEWLINE);
        at >= 0;
        at = at === 0 ? -1 : chunk.lastIndexOf(NEWLINE, at - 1)
      ) {
        if (rest !== undefined) yield* line(chunk.subarray(at + 1, end), rest);
        rest = Buffer.alloc(0);
        end = at;
      }
      if (rest !== undefined) {
        rest = rest.length > MAX_LINE_BYTES ? rest : Buffer.concat([chunk.subarray(0, end), rest]);
      }
    }
    if (rest !== undefined) yield* line(Buffer.alloc(0), rest);
  } finally {
    await handle.close();
  }
}

function* line(beginning: Buffer, rest: Buffer): Generator<string> {
  const whole = Buffer.concat([beginning, rest]);
  if (whole.length > 0 && whole.length <= MAX_LINE_BYTES) yield whole.toString();
}
