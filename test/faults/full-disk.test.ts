import { readdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pull } from '#test/support/registry-client.ts';
import { inWholeSuiteOnly, readBudget } from './support/budget.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { recordPush, type RecordedPush } from './support/recorded-push.ts';
import { wrongBlobFiles } from './support/region-files.ts';
import { canMountSmallDisks, smallDisksLeftOut } from './support/small-disk.ts';
import { makeSmallImage, pushSmallImage, type SmallImage } from './support/small-image.ts';

const { whole } = readBudget();
const leftOut = whole ? smallDisksLeftOut : inWholeSuiteOnly;
const MEGABYTE = 1024 * 1024;
const DISK_BYTES = 24 * MEGABYTE;
const REPOSITORY = 'team/full';

describe.runIf(whole && canMountSmallDisks)(`a region whose disk is full${leftOut}`, () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      diskBytes: { us: DISK_BYTES },
      env: { MERIDIAN_MIN_FREE_BYTES: '0' },
    });
  });
  afterAll(() => cluster.dispose());

  it('refuses pushes, keeps what was acknowledged, and takes pushes again when there is room', async () => {
    const us = cluster.region('us');
    const kept = makeSmallImage('kept', [MEGABYTE]);
    await pushSmallImage([us.registry], REPOSITORY, 'kept', kept);
    const filler = join(us.dataDir, 'filler');
    await fill(filler);

    const push = (image: SmallImage): Promise<RecordedPush> =>
      recordPush(() => us.registry, REPOSITORY, 'later', image, AbortSignal.timeout(30_000));
    const later = makeSmallImage('later', [2 * MEGABYTE]);
    const refused = await push(later);
    expect(refused).toMatchObject({ acknowledged: false, failure: expect.stringContaining('503') as string });
    for (const { registry } of cluster.regions)
      expect((await pull(registry, REPOSITORY, 'kept')).digest).toBe(kept.digest);
    expect(await wrongBlobFiles(us)).toEqual([]);

    await unlink(filler);
    expect(await readdir(us.dataDir)).not.toContain('filler');
    await eventually(async () => {
      const taken = await push(later);
      if (!taken.acknowledged) throw new Error(taken.failure);
    });
    for (const { registry } of cluster.regions)
      expect((await pull(registry, REPOSITORY, 'later')).digest).toBe(later.digest);
  });
});

/** Writes until nothing more fits. */
async function fill(path: string): Promise<void> {
  for (const size of [MEGABYTE, 4096]) {
    for (;;) {
      try {
        await writeFile(path, Buffer.alloc(size, 1), { flag: 'a' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') break;
        throw error;
      }
    }
  }
}
