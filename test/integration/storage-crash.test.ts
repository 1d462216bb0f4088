import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { startStorageProcess, type StorageProcess } from '#test/support/storage-process.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const repository = 'team/app';
const live = { signal: new AbortController().signal };

describe('a storage process that is killed', () => {
  let dataDir: string;
  let service: StorageProcess;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'meridian-crash-'));
    service = await startStorageProcess(dataDir);
  });
  afterEach(async () => {
    await service.kill();
    await rm(dataDir, { recursive: true });
  });

  async function crash(): Promise<void> {
    await service.kill();
    service = await startStorageProcess(dataDir);
  }

  async function create(): Promise<string> {
    return (await service.uploads.create({ repository, algorithm: '' }, live)).id;
  }

  async function offsetOf(id: string): Promise<number> {
    return (await service.uploads.stat({ id, repository, offset: -1 }, live)).offset;
  }

  async function read(digest: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const { data } of service.storage.read({ digest, offset: 0, length: 0 }, live))
      chunks.push(data);
    return Buffer.concat(chunks);
  }

  it('still has every blob that was acknowledged, with its pin', async () => {
    const blobs = Array.from({ length: 5 }, (_, index) => Buffer.alloc(100 * KIB + index, index + 1));
    const finished = await Promise.all(
      blobs.map(async (bytes) => {
        const id = await create();
        await service.uploads.write(messages({ target: { id, repository, offset: 0 } }, bytes), live);
        return service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
      }),
    );
    const manifest = Buffer.from('{}');
    const header = { repository, digest: digestOf(manifest), size: 2 };
    finished.push(await service.storage.put(messages({ header }, manifest), live));
    await crash();
    const digests = finished.map(({ digest }) => digest);
    expect((await service.storage.pins({ repository, digests }, live)).blobs).toHaveLength(6);
    for (const [index, bytes] of blobs.entries())
      expect((await read(digests[index] ?? '')).equals(bytes)).toBe(true);
    expect((await service.storage.stats({}, live)).uploads).toBe(0);
  });

  it('still has what an upload acknowledged, and finishes it', async () => {
    const bytes = Buffer.alloc(3 * MIB, 'meridian');
    const id = await create();
    const first = bytes.subarray(0, 2 * MIB);
    await service.uploads.write(messages({ target: { id, repository, offset: 0 } }, first), live);
    await crash();
    expect(await offsetOf(id)).toBe(2 * MIB);
    const target = { id, repository, offset: 2 * MIB };
    await service.uploads.write(messages({ target }, bytes.subarray(2 * MIB)), live);
    await crash();
    const { digest } = await service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
    expect((await read(digest)).equals(bytes)).toBe(true);
  });

  it('in the middle of a long write keeps what was made durable by then, and goes on from there', async () => {
    const piece = Buffer.alloc(MIB, 'crash');
    const id = await create();
    const write = service.uploads.write(endless({ target: { id, repository, offset: 0 } }, piece), live);
    const interrupted = expect(write).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await eventually(() => offsetOf(id)).toBeGreaterThan(0);
    const durable = await offsetOf(id);
    await crash();
    await interrupted;
    const kept = await offsetOf(id);
    expect(kept).toBeGreaterThanOrEqual(durable);

    const rest = Buffer.from('the end');
    await service.uploads.write(messages({ target: { id, repository, offset: kept } }, rest), live);
    const whole = Buffer.concat([Buffer.alloc(kept, piece), rest]);
    const { size } = await service.uploads.finish({ id, repository, digest: digestOf(whole) }, live);
    expect(size).toBe(whole.length);
  });

  it('in the middle of an ingest leaves nothing of it', async () => {
    const piece = Buffer.alloc(MIB, 'ingest');
    const digest = digestOf(Buffer.from('never whole'));
    const header = { repository: '', digest, size: 1_000_000 * MIB };
    const ingest = service.storage.ingest(endless({ header }, piece), live);
    const interrupted = expect(ingest).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await eventually(() => readdir(join(dataDir, 'ingests'))).toHaveLength(1);
    await crash();
    await interrupted;
    expect(await readdir(join(dataDir, 'ingests'))).toEqual([]);
    expect(await service.storage.stat({ digests: [digest] }, live)).toEqual({ blobs: [] });
  });
});

/** Expects of what `look` sees in the end; a loaded machine takes its time. */
function eventually<T>(look: () => T) {
  return expect.poll(look, { timeout: 30_000 });
}

async function* messages<T extends object>(
  first: T,
  bytes: Buffer,
): AsyncGenerator<T | { data: Buffer }, void, undefined> {
  yield first;
  for (let at = 0; at < bytes.length; at += 256 * KIB) yield { data: bytes.subarray(at, at + 256 * KIB) };
}

async function* endless<T extends object>(
  first: T,
  piece: Buffer,
): AsyncGenerator<T | { data: Buffer }, void, undefined> {
  yield first;
  for (;;) yield { data: piece };
}
