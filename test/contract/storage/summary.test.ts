import { createHash } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseDigest } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { figuresOf, prefixOf, SummaryTree } from '#libs/summary-tree.ts';
import { refreshMirror, type KnownSummary } from '#libs/summary-walk.ts';
import { loseBlob } from '#test/support/damage.ts';
import { memoryStorage } from '#test/support/memory/storage.ts';
import {
  eventually,
  live,
  openStorageOver,
  parts,
  put,
  removeDirectory,
  someBytes,
  transports,
} from './harness.ts';

const stores = [...transports.map((transport) => `on disk, ${transport}` as const), 'in memory'] as const;
const REPOSITORY = 'team/app';
const NOTHING = { prefix: '', hash: Buffer.alloc(8) };

describe.each(stores)('the summary of a storage, %s', (kind) => {
  test('of nothing is nothing', async () => {
    const { storage } = await open(kind);
    expect(await storage.summarize({ known: [NOTHING] }, live)).toEqual({ changed: [] });
    expect(await storage.listUnder({ prefixes: ['0000'] }, live)).toEqual({ blobs: [] });
  });

  test('leads to every blob, by three questions, and to none where all is known', async () => {
    const { storage } = await open(kind);
    const held = await Promise.all(
      Array.from({ length: 20 }, (_, seed) => put(storage, REPOSITORY, someBytes(100, seed + 1))),
    );
    const mirror = new SummaryTree();
    expect(await sync(mirror, storage)).toBe(2);
    expect(mirror.hash('')).toBe(figuresOf(held.map(parsed)).hash);
    for (const blob of held.map(parsed)) {
      const prefix = prefixOf(blob.digest);
      expect(mirror.hash(prefix)).not.toBe(0n);
      const { blobs } = await storage.listUnder({ prefixes: [prefix] }, live);
      expect(blobs).toContainEqual(blob);
    }
    expect(await sync(mirror, storage)).toBe(1);

    const [one] = held;
    if (one === undefined) throw new Error('There are blobs.');
    await put(storage, 'team/other', someBytes(100, 1));
    expect(await sync(mirror, storage)).toBe(1);
    const fresh = await put(storage, REPOSITORY, someBytes(100, 99));
    expect(await sync(mirror, storage)).toBe(2);
    expect(mirror.hash('')).toBe(figuresOf([...held, fresh].map(parsed)).hash);
  });

  test('counts blobs of both algorithms', async () => {
    const { storage } = await open(kind);
    const bytes = someBytes(100);
    const digest = `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
    const blobs = [
      await put(storage, REPOSITORY, bytes),
      await storage.ingest(parts({ header: { repository: '', digest, size: 100 } }, bytes), live),
    ];
    const mirror = new SummaryTree();
    await sync(mirror, storage);
    expect(mirror.hash('')).toBe(figuresOf(blobs.map(parsed)).hash);
    const prefix = prefixOf(parseDigest(digest));
    expect((await storage.listUnder({ prefixes: [prefix] }, live)).blobs).toContainEqual({
      digest,
      size: 100,
    });
  });

  test.each<[string, KnownSummary[]]>([
    ['of three digits', [{ prefix: 'abc', hash: Buffer.alloc(8) }]],
    ['of other digits', [{ prefix: 'AB', hash: Buffer.alloc(8) }]],
    ['with a short hash', [{ prefix: 'ab', hash: Buffer.alloc(7) }]],
    ['beyond 64', Array.from({ length: 65 }, () => NOTHING)],
  ])('is not given for a prefix %s', async (_, known) => {
    const { storage } = await open(kind);
    const code = known.length > 64 ? 'TOO_LARGE' : 'REQUEST_INVALID';
    await expect(storage.summarize({ known }, live)).rejects.toMatchObject({ code });
  });

  test('has no blobs to list under a prefix of other than four digits', async () => {
    const { storage } = await open(kind);
    for (const prefix of ['', 'ab', 'abcde', '../a']) {
      await expect(storage.listUnder({ prefixes: [prefix] }, live)).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
    }
  });
});

describe('the summary of a disk', () => {
  test('is the same after a restart, and takes account of what went meanwhile', async () => {
    const first = await openStorageOver('in process', { settings: { scrubBytesPerSecond: 0 } });
    const [kept, lost] = [
      await put(first.storage, REPOSITORY, someBytes(100, 1)),
      await put(first.storage, REPOSITORY, someBytes(100, 2)),
    ];
    const mirror = new SummaryTree();
    await sync(mirror, first.storage);
    await first.stop();
    const { dataDir } = first;
    const second = await openStorageOver('in process', { dataDir });
    expect(await sync(mirror, second.storage)).toBe(1);
    await second.stop();
    await loseBlob(dataDir, lost.digest);
    const third = await open('on disk, in process', dataDir);
    await sync(mirror, third.storage);
    expect(mirror.hash('')).toBe(figuresOf([parsed(kept)]).hash);
  });

  test('takes account by itself of what goes behind the service’s back', async () => {
    const { storage, dataDir } = await open('on disk, in process', undefined, 256);
    const lost = await put(storage, REPOSITORY, someBytes(100));
    const mirror = new SummaryTree();
    await sync(mirror, storage);
    await loseBlob(dataDir, lost.digest);
    await eventually(async () => {
      await sync(mirror, storage);
      return mirror.hash('');
    }).toBe(0n);
  });
});

/** Gives how many questions that took. */
async function sync(mirror: SummaryTree, storage: Storage): Promise<number> {
  let asked = 0;
  await refreshMirror(mirror, async (known) => {
    asked += 1;
    return (await storage.summarize({ known }, live)).changed;
  });
  return asked;
}

function parsed({ digest, size }: { digest: string; size: number }) {
  return { digest: parseDigest(digest), size };
}

async function open(
  kind: (typeof stores)[number],
  dataDir?: string,
  recountIntervalMs = 1e9,
): Promise<{ storage: Storage; dataDir: string }> {
  if (kind === 'in memory') return { storage: memoryStorage().storage, dataDir: '' };
  const under = await openStorageOver(kind === 'on disk, in process' ? 'in process' : 'over gRPC', {
    ...(dataDir === undefined ? {} : { dataDir }),
    settings: { scrubBytesPerSecond: 0, recountIntervalMs },
  });
  onTestFinished(async () => {
    await under.stop();
    await removeDirectory(under.dataDir);
  });
  return under;
}
