import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { etcdLeftOut, hasEtcd, startEtcd, startEtcdMembers, type EtcdProcess } from '#test/support/etcd.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { hasRedis, redisLeftOut, startRedis, type RedisProcess } from '#test/support/redis.ts';
import { pull, push, send, type Answer } from '#test/support/registry-client.ts';

const soon = { timeout: 45_000, interval: 100 };

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'meridian-real-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Pushes a new image in one region and pulls it from all. */
async function roundTrip(cluster: TestCluster, from: RegionName, name: string): Promise<void> {
  const dir = await image(name);
  const pushed = await push(cluster.registry(from), `team/${name}`, '1.0', dir);
  const digest = String(pushed.headers['docker-content-digest']);
  for (const region of REGIONS) {
    await expect(pull(cluster.registry(region), `team/${name}`, '1.0')).resolves.toMatchObject({ digest });
  }
}

async function image(name: string): Promise<string> {
  const dir = join(scratch, name);
  await writeImageLayout(dir, '1.0', { layerBytes: [300_000, 17], seed: name });
  return dir;
}

describe.skipIf(!hasEtcd || !hasRedis)(`on one etcd and one Redis${etcdLeftOut}${redisLeftOut}`, () => {
  let etcd: EtcdProcess;
  let redis: RedisProcess;
  let cluster: TestCluster;
  beforeAll(async () => {
    [etcd, redis] = await Promise.all([startEtcd(), startRedis()]);
    cluster = await startCluster({ args: ['--etcd', etcd.endpoint, '--redis', redis.url] });
  });
  afterAll(async () => {
    await cluster.dispose();
    await etcd.dispose();
    await redis.kill();
  });

  it('an image pushed in one region is pulled from the others at once', async () => {
    await roundTrip(cluster, 'us', 'first');
    await roundTrip(cluster, 'ap', 'second');
  });

  it('nothing depends on Redis', async () => {
    await redis.kill();
    await roundTrip(cluster, 'eu', 'without-redis');
    await redis.restart();
    await roundTrip(cluster, 'us', 'with-redis-again');
  });

  it('a region that was away while etcd went on catches up', async () => {
    await cluster.kill('ap');
    const dir = await image('missed');
    const { headers } = await push(cluster.registry('us'), 'team/missed', '1.0', dir);
    await cluster.restart('ap');
    const pulled = await pull(cluster.registry('ap'), 'team/missed', '1.0');
    expect(pulled.digest).toBe(headers['docker-content-digest']);
    expect(await cluster.stop()).toBe(0);
  });
});

describe.skipIf(!hasEtcd)(`with a member of etcd in each region${etcdLeftOut}`, () => {
  let members: EtcdProcess[];
  const lost: EtcdProcess[] = [];
  let cluster: TestCluster;
  const leader = async (): Promise<EtcdProcess> => {
    for (const member of members) {
      const client = connectEtcd({ endpoints: [member.endpoint], callTimeoutMs: 10_000 });
      const status = await client.status(AbortSignal.timeout(10_000));
      client.close();
      if (status.leader === status.memberId) return member;
    }
    throw new Error('No member leads.');
  };
  const manifest = (region: RegionName, path: string): Promise<Answer> =>
    send(cluster.registry(region), 'GET', `/v2/team/${path}`);
  beforeAll(async () => {
    members = await startEtcdMembers(REGIONS.length);
    cluster = await startCluster({ args: ['--etcd', members.map(({ endpoint }) => endpoint).join(',')] });
  });
  afterAll(async () => {
    await cluster.dispose();
    await Promise.all(members.map((member) => member.dispose()));
  });

  it('everything goes on in all regions when one member is lost', async () => {
    await roundTrip(cluster, 'us', 'three-members');
    // The others have to elect another leader first; what comes meanwhile waits, or is told to come again.
    lost.push(await leader());
    await lost[0]?.kill();
    const dir = await image('elected');
    const pushed = (): Promise<number> =>
      push(cluster.registry('us'), 'team/elected', '1.0', dir).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(pushed, soon).toBe(201);
    await roundTrip(cluster, 'us', 'two-members');
    await roundTrip(cluster, 'eu', 'two-members-too');
  });

  it('without a quorum known tags are pulled, and what can’t be known is 503, in every region', async () => {
    lost.push(...members.filter((member) => !lost.includes(member)).slice(0, 1));
    await lost[1]?.kill();
    const dir = await image('refused');
    for (const region of REGIONS) {
      await expect(pull(cluster.registry(region), 'team/three-members', '1.0')).resolves.toBeDefined();
      const unknown = await manifest(region, 'three-members/manifests/never-pushed');
      expect([unknown.status, unknown.headers['retry-after']]).toEqual([503, expect.any(String)]);
      const elsewhere = await manifest(region, 'no-such-repository/manifests/1.0');
      expect([elsewhere.status, elsewhere.headers['retry-after']]).toEqual([503, expect.any(String)]);
    }
    const refused = await push(cluster.registry('ap'), 'team/refused', '1.0', dir).catch(String);
    expect(refused).toMatch(/got 503/);
    const again = await send(cluster.registry('us'), 'PUT', '/v2/team/three-members/manifests/2.0', {
      headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
      body: (await manifest('us', 'three-members/manifests/1.0')).body,
    });
    expect([again.status, again.headers['retry-after']]).toEqual([503, expect.any(String)]);
  });

  it('says how stale its answers have become', async () => {
    const stale = async (): Promise<unknown> =>
      (await manifest('eu', 'three-members/manifests/1.0')).headers.warning;
    await expect.poll(stale, soon).toMatch(/^299 /);
  });

  it('takes pushes again, and denies what is not there, once the members are back', async () => {
    await Promise.all(lost.map((member) => member.restart()));
    const dir = await image('recovered');
    const pushed = (): Promise<number> =>
      push(cluster.registry('ap'), 'team/recovered', '1.0', dir).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(pushed, soon).toBe(201);
    for (const region of REGIONS) {
      const unknown = async (): Promise<number> =>
        (await manifest(region, 'three-members/manifests/never-pushed')).status;
      await expect.poll(unknown, soon).toBe(404);
      await expect(pull(cluster.registry(region), 'team/recovered', '1.0')).resolves.toBeDefined();
    }
    await roundTrip(cluster, 'eu', 'all-members-again');
  });
});
