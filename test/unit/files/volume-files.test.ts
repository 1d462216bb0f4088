import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IN_OTHER_THREADS, type Calls } from '#libs/files/calls.ts';
import { volumeFiles, type VolumeFiles } from '#libs/files/volume-files.ts';

const EXT4 = 0xef53;
const NFS = 0x6969;
const BYTES = Buffer.from('some bytes of a blob');

let directory: string;
let path: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meridian-files-'));
  path = join(directory, 'file');
  await writeFile(path, BYTES);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Makes every call here, and counts them. */
function counting(): Calls & { count: number } {
  const calls = {
    count: 0,
    make: <T>(here: () => T) => {
      calls.count += 1;
      return new Promise<T>((resolve) => resolve(here()));
    },
  };
  return calls;
}

/** Uses the files until it is known of which kind the volume is. */
async function settled(files: VolumeFiles): Promise<VolumeFiles> {
  await files.stat(path);
  await new Promise((resolve) => setImmediate(resolve));
  return files;
}

async function readAll(files: VolumeFiles): Promise<string> {
  const file = await files.open(path);
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await file.read(buffer, 0, size, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function isOpenHere(): Promise<boolean> {
  const descriptors = await readdir('/proc/self/fd');
  const names = await Promise.all(
    descriptors.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')),
  );
  return names.includes(path);
}

describe.each([
  ['in this thread', { calls: counting(), kindOf: () => Promise.resolve(EXT4) }],
  ['in other threads', { calls: IN_OTHER_THREADS }],
])('files that are opened and looked at %s', (_where, options) => {
  it('are read, and closed', async () => {
    const files = await settled(volumeFiles(options));
    expect(await readAll(files)).toBe(BYTES.toString());
    expect((await files.stat(path))?.size).toBe(BYTES.length);
    expect(await isOpenHere()).toBe(false);
  });

  it('may be absent', async () => {
    const files = await settled(volumeFiles(options));
    expect(await files.stat(join(directory, 'absent'))).toBeUndefined();
    await expect(files.open(join(directory, 'absent'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('are closed when what is being read has come, and used no more', async () => {
    const file = await (await settled(volumeFiles(options))).open(path);
    const buffer = Buffer.alloc(BYTES.length);
    const done: string[] = [];
    const reading = file.read(buffer, 0, buffer.length, 0).then(() => done.push('read'));
    const closing = file.close().then(() => done.push('closed'));
    await Promise.all([reading, closing]);
    expect(done).toEqual(['read', 'closed']);
    expect(buffer).toEqual(BYTES);
    for (const use of [() => file.read(buffer, 0, 1, 0), () => file.stat(), () => file.close()])
      await expect(use()).rejects.toThrow('after it had been closed');
  });
});

it('a volume of this machine is used at once when that is known, not before', async () => {
  const calls = counting();
  const kind = Promise.withResolvers<number>();
  const files = volumeFiles({ calls, kindOf: () => kind.promise });
  expect(await readAll(files)).toBe(BYTES.toString());
  expect(calls.count).toBe(0);
  kind.resolve(EXT4);
  await settled(files);
  calls.count = 0;
  expect(await readAll(files)).toBe(BYTES.toString());
  // Opened, looked at and closed; read by another thread.
  expect(calls.count).toBe(3);
});

it('a volume of another machine is left to other threads', async () => {
  const calls = counting();
  const files = await settled(volumeFiles({ calls, kindOf: () => Promise.resolve(NFS) }));
  expect(await readAll(files)).toBe(BYTES.toString());
  expect(calls.count).toBe(0);
});

it('a directory that is not there says nothing of the volume', async () => {
  const calls = counting();
  let asked = 0;
  const kindOf = (): Promise<number> =>
    ++asked === 1 ? Promise.reject(new Error('It is not there.')) : Promise.resolve(EXT4);
  const files = await settled(volumeFiles({ calls, kindOf }));
  expect(calls.count).toBe(0);
  await settled(files);
  await files.stat(path);
  expect(calls.count).toBe(1);
  expect(asked).toBe(2);
});
