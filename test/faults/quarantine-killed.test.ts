import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { DAMAGES, quarantinePath } from '#test/support/damage.ts';
import { startStorageProcess } from '#test/support/storage-process.ts';

const WAIT = { timeout: 60_000 };
const live = { signal: new AbortController().signal };
const bytes = Buffer.alloc(100_000, 1);
const blob = { digest: digestOf(bytes), size: bytes.length };
/** Looks for damage all the time. */
const scrubbing = { MERIDIAN_SCRUB_INTERVAL_MS: '50' };
const keeping = { ...scrubbing, MERIDIAN_QUARANTINE_LIFETIME_MS: '1' };

describe('a storage process that is killed', () => {
  it('while it puts a blob into quarantine still knows it there, and goes on', async () => {
    const { dataDir, start, dies } = await damaged();
    await dies({ ...scrubbing, MERIDIAN_FAILPOINT: 'quarantine.moved' });
    const storage = await start({ MERIDIAN_SCRUB_BYTES_PER_SECOND: '0' });
    expect(await storage.stats({}, live)).toMatchObject({
      ...{ blobs: 0, bytes: 0, quarantineBlobs: 1, quarantineBytes: bytes.length },
    });
    await put(storage);
    expect((await storage.stat({ digests: [blob.digest] }, live)).blobs).toEqual([blob]);
    expect(await inQuarantine(dataDir)).toBe(1);
  });

  it('while it removes what was in quarantine removes it all the same', async () => {
    const { dataDir, start, dies } = await damaged();
    await dies({ ...keeping, MERIDIAN_FAILPOINT: 'quarantine.removed' });
    const storage = await start(keeping);
    await expect
      .poll(() => storage.stats({}, live), WAIT)
      .toMatchObject({ quarantineBlobs: 0, quarantineBytes: 0 });
    expect(await inQuarantine(dataDir)).toBe(0);
    const summary = await storage.summarize({ known: [{ prefix: '', hash: Buffer.alloc(8) }] }, live);
    expect(summary.changed).toEqual([]);
  });
});

/** The data of a storage that holds one blob, which is damaged. */
async function damaged() {
  const dataDir = await mkdtemp(join(tmpdir(), 'meridian-quarantine-'));
  let running = await startStorageProcess(dataDir, { MERIDIAN_SCRUB_BYTES_PER_SECOND: '0' });
  onTestFinished(async () => {
    await running.kill();
    await rm(dataDir, { recursive: true });
  });
  await put(running.storage);
  await running.stop();
  await DAMAGES['with a flipped bit'](dataDir, blob.digest);
  const start = async (env: Record<string, string>): Promise<Storage> => {
    running = await startStorageProcess(dataDir, env);
    return running.storage;
  };
  return {
    dataDir,
    start,
    /** Starts a process that is to die by itself. */
    dies: async (env: Record<string, string>): Promise<void> => {
      const storage = await start(env).catch(() => undefined);
      const answers = (): Promise<boolean> =>
        storage === undefined
          ? Promise.resolve(false)
          : storage.stats({}, { signal: AbortSignal.timeout(5_000) }).then(
              () => true,
              () => false,
            );
      await expect.poll(answers, WAIT).toBe(false);
      await running.kill();
    },
  };
}

async function put(storage: Storage): Promise<void> {
  const parts = async function* () {
    yield { header: { repository: 'team/app', ...blob } };
    yield { data: bytes };
  };
  await storage.put(parts(), live);
}

async function inQuarantine(dataDir: string): Promise<number> {
  const directory = join(quarantinePath(dataDir, blob.digest), '..');
  return (await readdir(directory)).length;
}
