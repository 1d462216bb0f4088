import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { open, pushBlob, send } from '#test/support/registry-client.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';

const MEGABYTE = 1024 * 1024;
const BLOB_BYTES = 64 * MEGABYTE;
const RANGE_BYTES = MEGABYTE;
const LINK = { delayMs: 20, bytesPerSecond: 8 * MEGABYTE, windowBytes: MEGABYTE };
/** Framing included. */
const MAX_SHARE = 1.02;
const PATH = '/v2/team/ahead/blobs';
const MAX_TEST_MS = 180_000;

describe('content is there before its copy is', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      regions: ['us', 'ap'],
      // So that ap has none of it before it is asked.
      env: { MERIDIAN_ANNOUNCE_REGIONS: '0', MERIDIAN_MIN_FREE_BYTES: '0' },
    });
    cluster.links.set('us', 'ap', LINK);
  });
  afterAll(() => cluster.dispose());

  it(
    'also the end of a large blob of which less than half has come',
    async () => {
      const [us, ap] = [cluster.region('us').registry, cluster.region('ap').registry];
      const blob = randomBytes(BLOB_BYTES);
      const digest = digestOf(blob);
      await pushBlob(us, 'team/ahead', digest, blob);
      const link = cluster.links.link('us', 'ap');
      const before = link.bytes;

      const begun = Promise.withResolvers<undefined>();
      const whole = readWhole(ap, `${PATH}/${digest}`, () => begun.resolve(undefined));
      await begun.promise;
      const offset = BLOB_BYTES - RANGE_BYTES;
      const headers = { range: `bytes=${offset}-` };
      const part = await send(ap, 'GET', `${PATH}/${digest}`, { headers });
      const came = link.bytes - before;
      expect([part.status, part.body.equals(blob.subarray(offset))]).toEqual([206, true]);
      expect(came).toBeLessThan(BLOB_BYTES / 2);

      expect(await whole).toBe(digest);
      expect(link.bytes - before).toBeLessThan(BLOB_BYTES * MAX_SHARE + 2 * RANGE_BYTES);
      console.info(
        `The last ${RANGE_BYTES} bytes were there when ${(came / BLOB_BYTES).toFixed(2)} of all had come.`,
      );
    },
    MAX_TEST_MS,
  );
});

/** Gives the digest of what comes. */
async function readWhole(registry: string, path: string, onBytes: () => void): Promise<string> {
  const response = await open(registry, 'GET', path);
  const hash = createHash('sha256');
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    onBytes();
  }
  return `sha256:${hash.digest('hex')}`;
}
