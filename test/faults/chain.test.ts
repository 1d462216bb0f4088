import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { open, pushBlob, send } from '#test/support/registry-client.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { deleteBlobFile, holdsBlob } from './support/region-files.ts';

const MEGABYTE = 1024 * 1024;
const BLOB_BYTES = 24 * MEGABYTE;
const REPOSITORY = 'team/chain';
const MAX_TEST_MS = 180_000;

/** ap is nearest to eu, and eu to us; only us has the blob. */
describe('regions that follow each other do not wait for each other', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      env: {
        MERIDIAN_ANNOUNCE_REGIONS: '0',
        MERIDIAN_MIN_FREE_BYTES: '0',
        MERIDIAN_STALL_TIMEOUT_MS: '1000',
      },
    });
    cluster.links.set('us', 'eu', { delayMs: 10, bytesPerSecond: 3 * MEGABYTE });
    cluster.links.set('us', 'ap', { delayMs: 60, bytesPerSecond: 3 * MEGABYTE });
    cluster.links.set('eu', 'ap', { delayMs: 1 });
  });
  afterAll(() => cluster.dispose());

  const registry = (name: string): string => cluster.region(name).registry;
  const path = (digest: string): string => `/v2/${REPOSITORY}/blobs/${digest}`;
  const pushed = async (): Promise<string> => {
    // It is announced to the nearest, which must not be ap.
    await expect.poll(() => isNearer('us', 'eu', 'ap'), { timeout: 60_000 }).toBe(true);
    const blob = randomBytes(BLOB_BYTES);
    await pushBlob(registry('us'), REPOSITORY, digestOf(blob), blob);
    return digestOf(blob);
  };
  /** The status, or that the body broke off. */
  const read = async (region: string, digest: string, onBytes: (bytes: number) => void = () => undefined) => {
    const response = await open(registry(region), 'GET', path(digest));
    let bytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        onBytes(bytes);
      }
    } catch {
      return 'broken off';
    }
    return response.statusCode;
  };
  const roundTrips = async (region: string): Promise<Record<string, number>> => {
    const { body } = await send(registry(region), 'GET', '/meridian/v1/status');
    const { regions } = JSON.parse(body.toString()) as {
      regions: { region: string; roundTripMs?: number }[];
    };
    return Object.fromEntries(regions.map((one) => [one.region, one.roundTripMs ?? Infinity]));
  };
  const isNearer = async (to: string, one: string, other: string): Promise<boolean> => {
    const { [one]: near = Infinity, [other]: far = 0 } = await roundTrips(to);
    return near < far;
  };
  /** eu copies it from us, and ap follows eu. */
  const followed = async (digest: string) => {
    await expect.poll(() => isNearer('ap', 'eu', 'us'), { timeout: 60_000 }).toBe(true);
    const viaEu = cluster.links.link('eu', 'ap');
    const begun = Promise.withResolvers<undefined>();
    const inEu = read('eu', digest, (bytes) => bytes > MEGABYTE && begun.resolve(undefined));
    await begun.promise;
    const before = viaEu.bytes;
    const following = Promise.withResolvers<undefined>();
    const inAp = read('ap', digest, (bytes) => bytes > MEGABYTE && following.resolve(undefined));
    await following.promise;
    expect(viaEu.bytes - before).toBeGreaterThan(MEGABYTE / 2);
    return { inEu, inAp };
  };

  it(
    'when the source of the first is killed: both end, say that it can’t be had now, and have it when it is back',
    async () => {
      const digest = await pushed();
      const { inEu, inAp } = await followed(digest);
      await cluster.region('us').kill();
      expect(await Promise.all([inEu, inAp])).toEqual(['broken off', 'broken off']);
      const answers = await Promise.all(
        ['eu', 'ap'].map((name) => send(registry(name), 'GET', path(digest))),
      );
      expect(answers.map(({ status }) => status)).toEqual([503, 503]);
      for (const name of ['eu', 'ap']) expect(await holdsBlob(cluster.region(name), digest)).toBe(false);

      await cluster.region('us').start();
      for (const name of ['ap', 'eu']) {
        const { body } = await eventually(async () => {
          const answer = await send(registry(name), 'GET', path(digest));
          if (answer.status !== 200) throw new Error(`GET gives ${answer.status}.`);
          return answer;
        });
        expect(digestOf(body)).toBe(digest);
      }
    },
    MAX_TEST_MS,
  );

  it(
    'when nobody has it any more, and all are asked at once: all say so',
    async () => {
      const digest = await pushed();
      const { inEu, inAp } = await followed(digest);
      await cluster.region('us').kill();
      await deleteBlobFile(cluster.region('us'), digest);
      await cluster.region('us').start();
      expect(await Promise.all([inEu, inAp])).toEqual(['broken off', 'broken off']);
      const names = ['us', 'eu', 'ap'].flatMap((name) => [name, name, name]);
      const answers = await Promise.all(names.map((name) => send(registry(name), 'GET', path(digest))));
      for (const { status } of answers) expect([404, 503]).toContain(status);
    },
    MAX_TEST_MS,
  );
});
