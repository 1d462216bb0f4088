import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { alignedBuffer } from '#libs/aligned-memory.ts';

const PAGE_BYTES = 4096;
const MARK_BYTES = 64;
const PIECE_BYTES = 1024 * 1024;

/** Where in this process's memory the bytes lie (Linux). */
function addressesOf(bytes: Buffer): number[] {
  const memory = openSync('/proc/self/mem', 'r');
  const piece = Buffer.alloc(PIECE_BYTES);
  const found: number[] = [];
  try {
    for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
      const [, from = '', to = ''] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      const end = parseInt(to, 16);
      for (let at = parseInt(from, 16); at < end; at += PIECE_BYTES) {
        const read = readOf(memory, piece.subarray(0, Math.min(PIECE_BYTES, end - at)), at);
        for (let i = piece.indexOf(bytes); i >= 0 && i < read; i = piece.indexOf(bytes, i + 1))
          found.push(at + i);
        piece.fill(0);
      }
    }
  } finally {
    closeSync(memory);
  }
  return found;
}

/** Some of what is mapped can't be read. */
function readOf(memory: number, into: Buffer, at: number): number {
  try {
    return readSync(memory, into, 0, into.length, at);
  } catch {
    return 0;
  }
}

describe('memory that the kernel copies to', () => {
  it.skipIf(process.platform !== 'linux').each([64 * 1024, 256 * 1024, 1024 * 1024])(
    'begins with a page, of %d bytes',
    (bytes) => {
      const buffers = Array.from({ length: 4 }, () => alignedBuffer(bytes));
      for (const buffer of buffers) {
        expect(buffer.length).toBe(bytes);
        const mark = randomBytes(MARK_BYTES);
        mark.copy(buffer);
        // The mark itself lies somewhere else.
        expect(addressesOf(mark).filter((address) => address % PAGE_BYTES === 0)).toHaveLength(1);
      }
    },
  );

  it('is like any other where it is small', () => {
    expect(alignedBuffer(0)).toHaveLength(0);
    expect(alignedBuffer(16 * 1024)).toHaveLength(16 * 1024);
  });
});
