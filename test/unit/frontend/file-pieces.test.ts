import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { piecesOf, type FilePiece } from '#services/frontend/content/file-pieces.ts';
import { createReadBudget, type ReadBudget } from '#services/frontend/content/read-budget.ts';
import { createReadBuffers, type ReadBuffers } from '#services/frontend/content/read-buffers.ts';

const BYTES = randomBytes(50_000);
const SLOW = 10_000;

describe('pieces of a file', () => {
  let directory: string;
  let file: FileHandle;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'meridian-pieces-'));
    await writeFile(join(directory, 'blob'), BYTES);
    file = await open(join(directory, 'blob'));
  });
  afterAll(async () => {
    await file.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Four buffers of 8,000 bytes to read ahead, and a budget that counts the rest. */
  function setUp(): { buffers: ReadBuffers; budget: ReadBudget & { lent: number } } {
    const real = createReadBudget(4096);
    const budget = {
      lent: 0,
      lend: (...given: Parameters<ReadBudget['lend']>) => {
        const bytes = real.lend(...given);
        budget.lent += bytes;
        return bytes;
      },
      giveBack: (bytes: number) => {
        budget.lent -= bytes;
        real.giveBack(bytes);
      },
    };
    const limits = { mostBytes: 512, leastBytes: 16 };
    const more = { maxKeptBytes: 4096, aheadBytes: 8_000, maxAhead: 4 };
    return { buffers: createReadBuffers({ budget, limits, ...more }), budget };
  }
  const takenAhead = (buffers: ReadBuffers): number => {
    const taken: Buffer[] = [];
    for (;;) {
      const buffer = buffers.takeAhead(BYTES.length);
      if (buffer === undefined) break;
      taken.push(buffer);
    }
    for (const buffer of taken) buffers.give(buffer, true);
    return 4 - taken.length;
  };

  it.each([
    ['of the whole', 0, 50_000],
    ['of a range', 1_234, 40_001],
    ['of a few bytes', 49_990, 10],
  ])('%s are its bytes in order, however long each takes', async (_what, offset, length) => {
    const { buffers, budget } = setUp();
    const pieces = piecesOf(file, { offset, length }, buffers);
    const parts: Buffer[] = [];
    for (let left = length; left > 0;) {
      const { bytes, giveBack } = await pieces.next(parts.length % 3 === 2 ? SLOW : 0);
      parts.push(Buffer.from(bytes));
      left -= bytes.length;
      if (parts.length % 4 === 3) pieces.wait();
      giveBack(true);
    }
    pieces.wait();
    expect(Buffer.concat(parts).equals(BYTES.subarray(offset, offset + length))).toBe(true);
    expect(budget.lent).toBe(0);
    await expect.poll(() => takenAhead(buffers)).toBe(0);
  });

  it('are read ahead only until the client waits, and for a slow one not at all', async () => {
    const { buffers, budget } = setUp();
    const pieces = piecesOf(file, { offset: 0, length: BYTES.length }, buffers);
    const first = await pieces.next(0);
    expect([first.bytes.length, takenAhead(buffers), budget.lent]).toEqual([8_000, 4, 0]);
    pieces.wait();
    await expect.poll(() => takenAhead(buffers)).toBe(1);
    const second = await pieces.next(SLOW);
    expect([second.bytes.length, takenAhead(buffers), budget.lent]).toEqual([16, 1, 16]);
    expect(second.bytes.equals(BYTES.subarray(8_000, 8_016))).toBe(true);
    for (const { giveBack } of [first, second]) giveBack(true);
    expect([takenAhead(buffers), budget.lent]).toEqual([0, 0]);
  });

  it('come in smaller ones from the budget where others have all buffers', async () => {
    const { buffers } = setUp();
    const others: FilePiece[] = [];
    for (let i = 0; i < 4; i++)
      others.push(await piecesOf(file, { offset: 0, length: 8_000 }, buffers).next(0));
    const { bytes } = await piecesOf(file, { offset: 0, length: BYTES.length }, buffers).next(0);
    expect(bytes).toHaveLength(512);
    expect(others.every((piece) => piece.bytes.equals(BYTES.subarray(0, 8_000)))).toBe(true);
  });

  it('fail where the file ends before them, and hold nothing then', async () => {
    const { buffers, budget } = setUp();
    const pieces = piecesOf(file, { offset: 45_000, length: 10_000 }, buffers);
    await expect(pieces.next(0)).rejects.toThrow(/file ended at 50000/);
    pieces.wait();
    await expect.poll(() => takenAhead(buffers)).toBe(0);
    expect(budget.lent).toBe(0);
  });
});
