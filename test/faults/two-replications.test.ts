import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { startCoordinatorProcess, type EtcdProcess } from '#test/support/etcd.ts';
import { freePorts } from '#test/support/ports.ts';
import { hasRedis, redisLeftOut, startRedis, type RedisProcess } from '#test/support/redis.ts';
import { open, pushBlob } from '#test/support/registry-client.ts';
import { startSecond, type Second } from '#test/support/second-replication.ts';
import { startSeparateRegion, type SeparateRegion } from '#test/support/separate-region.ts';

const MEGABYTE = 1024 * 1024;
const SIZE = 16 * MEGABYTE;
const REPOSITORY = 'team/two';
const CLIENTS = 20;
const MAX_TRIES = 200;
const MAX_TEST_MS = 180_000;
/** 2 MB/s for each process of eu, so that a copy takes long enough to be interrupted. */
const LIMIT = { MERIDIAN_LINK_LIMITS: 'us=16', MERIDIAN_RANGE_BYTES: '262144' };

describe.runIf(hasRedis)(`two replication processes of a region${redisLeftOut}`, () => {
  let scratch: string;
  let coordinator: EtcdProcess;
  let redis: RedisProcess;
  let us: SeparateRegion;
  let eu: SeparateRegion;
  let second: Second;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-two-'));
    [coordinator, redis] = await Promise.all([startCoordinatorProcess(), startRedis()]);
    const [usPeer = 0, euPeer = 0] = await freePorts(2);
    const replication = { ...LIMIT, MERIDIAN_REDIS_URL: redis.url, MERIDIAN_MIN_FREE_BYTES: '0' };
    const shared = {
      regions: `us=127.0.0.1:${usPeer},eu=127.0.0.1:${euPeer}`,
      etcd: coordinator.endpoint,
      tls: undefined,
    };
    [us, eu] = await Promise.all([
      startSeparateRegion({
        ...{ ...shared, region: 'us', dataDir: join(scratch, 'us'), peerPort: usPeer },
        // So that eu has none of it before it is asked.
        env: { replication: { MERIDIAN_ANNOUNCE_REGIONS: '0' } },
      }),
      startSeparateRegion({
        ...{ ...shared, region: 'eu', dataDir: join(scratch, 'eu'), peerPort: euPeer },
        env: { replication },
      }),
    ]);
    second = await startSecond(eu, {
      ...{ ...shared, region: 'eu', dataDir: join(scratch, 'eu', 'second') },
      env: replication,
    });
  });
  afterAll(async () => {
    await Promise.all([second.frontend.kill(), second.replication.kill()]);
    await Promise.all([us.stop(), eu.stop()]);
    await Promise.all([coordinator.dispose(), redis.kill()]);
    await rm(scratch, { recursive: true, force: true });
  });

  const ownBytes = async (): Promise<number> =>
    (await eu.metric('replication', 'meridian_peer_bytes_total')) || 0;

  it(
    'bring a blob in once, however many clients ask both',
    async () => {
      const digest = await pushNew(us.registry);
      const clients = Array.from({ length: CLIENTS }, (_, i) =>
        read([eu.registry, second.registry][i % 2] ?? '', digest),
      );
      for (const pulled of await Promise.all(clients)) expect(pulled).toEqual({ digest, tries: 1 });
      expect((await ownBytes()) + (await peerBytes(second.admin))).toBe(SIZE);
    },
    MAX_TEST_MS,
  );

  it(
    'stand in for each other: a blob comes to its end where the one that copied it is killed midway',
    async () => {
      const digest = await pushNew(us.registry);
      const before = { own: await ownBytes(), second: await peerBytes(second.admin) };
      const begun = Promise.withResolvers<undefined>();
      const copying = read(second.registry, digest, () => begun.resolve(undefined)).catch(() => undefined);
      await begun.promise;
      const clients = Array.from({ length: CLIENTS }, () => read(eu.registry, digest));
      const copied = async (): Promise<number> => (await peerBytes(second.admin)) - before.second;
      await expect.poll(copied, { timeout: MAX_TEST_MS / 2 }).toBeGreaterThan(SIZE / 4);
      const lost = await copied();
      await second.replication.kill();
      for (const pulled of await Promise.all(clients)) expect(pulled.digest).toBe(digest);
      await copying;
      const own = (await ownBytes()) - before.own;
      console.info(`Killed at ${share(lost)} of the blob; the other then brought ${share(own)} of it.`);
      expect(lost).toBeLessThan(SIZE);
      expect(own).toBe(SIZE);
    },
    MAX_TEST_MS,
  );
});

async function peerBytes(admin: string): Promise<number> {
  const text = await (await fetch(`http://${admin}/metrics`)).text();
  return Number(/^meridian_peer_bytes_total(?:\{.*\})? (\S+)/m.exec(text)?.[1] ?? 0);
}

async function pushNew(registry: string): Promise<string> {
  const bytes = randomBytes(SIZE);
  const digest = digestOf(bytes);
  await pushBlob(registry, REPOSITORY, digest, bytes);
  return digest;
}

function share(bytes: number): string {
  return (bytes / SIZE).toFixed(2);
}

/** Reads a blob as clients do: what breaks off goes on where it was. Gives the digest of all that came. */
async function read(
  registry: string,
  digest: string,
  onBytes: () => void = () => undefined,
): Promise<{ digest: string; tries: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (let tries = 1; tries <= MAX_TRIES; tries++) {
    try {
      const headers = bytes === 0 ? {} : { range: `bytes=${bytes}-` };
      const response = await open(registry, 'GET', `/v2/${REPOSITORY}/blobs/${digest}`, { headers });
      if (response.statusCode !== (bytes === 0 ? 200 : 206)) {
        response.resume();
        throw new Error(`GET gave ${String(response.statusCode)}.`);
      }
      for await (const chunk of response as AsyncIterable<Buffer>) {
        hash.update(chunk);
        bytes += chunk.length;
        onBytes();
      }
      return { digest: `sha256:${hash.digest('hex')}`, tries };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`Only ${bytes} bytes came in ${MAX_TRIES} tries.`);
}
