import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_LAYER } from '#libs/oci/mediatype.ts';
import { image, piece, pushBlob, pushContent, seededBlob } from '#test/support/content.ts';
import { startCoordinatorProcess, type EtcdProcess } from '#test/support/etcd.ts';
import { healNow, startHealing, toldHealing } from '#test/support/healing.ts';
import { freePorts } from '#test/support/ports.ts';
import { send } from '#test/support/registry-client.ts';
import { startSecond, type Second } from '#test/support/second-replication.ts';
import { startSeparateRegion, type SeparateRegion } from '#test/support/separate-region.ts';

const WAIT = { timeout: 60_000 };
const REPOSITORY = 'team/app';

describe('what a region tells of verifications, repairs and collections', () => {
  let scratch: string;
  let coordinator: EtcdProcess;
  let eu: SeparateRegion;
  let second: Second;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-reports-'));
    coordinator = await startCoordinatorProcess();
    const [peerPort = 0] = await freePorts(1);
    const shared = { region: 'eu', regions: `eu=127.0.0.1:${peerPort}`, etcd: coordinator.endpoint };
    eu = await startSeparateRegion({
      ...{ ...shared, dataDir: join(scratch, 'eu'), peerPort, tls: undefined },
      // So that a verification takes a while.
      env: { storage: { MERIDIAN_SCRUB_BYTES_PER_SECOND: '0', MERIDIAN_VERIFY_BYTES_PER_SECOND: '100000' } },
    });
    second = await startSecond(eu, { ...shared, dataDir: join(scratch, 'second') });
    await pushContent(eu.registry, REPOSITORY, image('reported'), '1.0');
    const large = piece(seededBlob('reported', 600_000), OCI_LAYER);
    await pushBlob(eu.registry, REPOSITORY, large);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([second.frontend.kill(), second.replication.kill()]);
    await eu.stop();
    await coordinator.dispose();
    await rm(scratch, { recursive: true, force: true });
  });

  const lastVerify = (registry: string) => toldHealing(registry, 'eu', 'verify');

  it('is told alike by each of its replication processes, of which one does the work', async () => {
    const { startedAt } = await startHealing(eu.registry, 'eu', 'verify');
    expect(await lastVerify(second.registry)).toMatchObject({ running: true, startedAt });
    expect(await startHealing(second.registry, 'eu', 'verify')).toMatchObject({ running: true, startedAt });
    await expect.poll(() => lastVerify(eu.registry), WAIT).toMatchObject({ running: false });
    const told = await lastVerify(eu.registry);
    expect(told).toMatchObject({ startedAt, total: 5, checked: 5, damaged: 0 });
    expect(told).not.toHaveProperty('failure');
    expect(await lastVerify(second.registry)).toEqual(told);
  }, 120_000);

  it('says so when the process ends in the middle, whoever is asked, and another can begin', async () => {
    const { startedAt } = await startHealing(eu.registry, 'eu', 'verify');
    await eu.process('replication').kill();
    const ended = { running: false, startedAt, failure: expect.stringContaining('has ended') as unknown };
    await expect.poll(() => lastVerify(second.registry), WAIT).toMatchObject(ended);
    await eu.start('replication');
    await expect.poll(() => lastVerify(eu.registry), WAIT).toMatchObject(ended);
    expect(await lastVerify(eu.registry)).not.toHaveProperty('finishedAt');
    expect(await healNow(second.registry, 'eu', 'repair')).toMatchObject({ checked: 4, missing: 0 });
    expect(await healNow(second.registry, 'eu', 'verify')).toMatchObject({ checked: 5, damaged: 0 });
  }, 120_000);

  it('is known again after a restart of all its processes', async () => {
    const collection = '/meridian/v1/regions/eu/collection';
    const collected = async (): Promise<unknown> =>
      JSON.parse((await send(eu.registry, 'GET', collection)).body.toString());
    expect((await send(second.registry, 'POST', collection)).status).toBe(202);
    await expect.poll(collected, WAIT).toMatchObject({ running: false, looked: 5, named: 4 });
    const told = async (): Promise<unknown[]> => [
      await lastVerify(eu.registry),
      await toldHealing(eu.registry, 'eu', 'repair'),
      await collected(),
    ];
    const before = await told();
    await Promise.all([second.replication.kill(), eu.process('replication').kill()]);
    await eu.process('storage').kill();
    await eu.start('storage');
    await eu.start('replication');
    await expect.poll(() => lastVerify(eu.registry), WAIT).toMatchObject({ running: false });
    expect(await told()).toEqual(before);
  }, 120_000);
});
