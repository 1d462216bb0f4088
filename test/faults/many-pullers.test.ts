import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { open, send } from '#test/support/registry-client.ts';
import { inWholeSuiteOnly, readBudget } from './support/budget.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { holdsBlob } from './support/region-files.ts';

const { whole } = readBudget();
const MEGABYTE = 1024 * 1024;
const BLOB_BYTES = 64 * MEGABYTE;
const LARGE_BLOB_BYTES = 1024 * MEGABYTE;
const CLIENTS = 200;
/** Of these, some leave early; in `npm test` most, since all bytes of all clients go through one machine. */
const LEAVING = whole ? 20 : 160;
/** A round trip of 100 ms, and 200 Mbit/s. */
const LINK = { delayMs: 50, bytesPerSecond: 25_000_000 };
/** Framing included. */
const MAX_SHARE = 1.02;
const MAX_TEST_MS = whole ? 1_800_000 : 240_000;
const REPOSITORY = 'team/many';
/** A prime, so that no two pieces of a server's are alike for being whole periods apart. */
const PERIOD = 1_000_003;

describe(`content is there before its copy is, for ${CLIENTS} clients of one blob at once`, () => {
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

  it.each<[string, number, number]>([
    [`of whom the first ${LEAVING} leave midway`, LEAVING, BLOB_BYTES],
    ...(whole ? [['who all stay', 0, LARGE_BLOB_BYTES] satisfies [string, number, number]] : []),
  ])(
    'it comes once over the link, %s',
    async (_, leaving, size) => {
      const blob = await pushPeriodic(cluster.region('us').registry, size);
      const ap = cluster.region('ap');
      const before = between(cluster);
      const startedAt = performance.now();
      const clients = Array.from({ length: CLIENTS }, (_client, i) =>
        read(ap.registry, blob, i < leaving ? MEGABYTE : Infinity),
      );
      const read200 = await Promise.all(clients);
      const seconds = (performance.now() - startedAt) / 1_000;
      expect(read200.filter((bytes) => bytes === size)).toHaveLength(CLIENTS - leaving);
      const share = (between(cluster) - before) / size;
      console.info(
        `${CLIENTS} clients, ${leaving} leaving: ${share.toFixed(4)} times the blob in ${seconds.toFixed(1)} s.`,
      );
      expect(share).toBeGreaterThan(1);
      expect(share).toBeLessThan(MAX_SHARE);
    },
    MAX_TEST_MS,
  );

  it.runIf(whole)(
    `and once, to its end, when all of them leave${whole ? '' : inWholeSuiteOnly}`,
    async () => {
      const blob = await pushPeriodic(cluster.region('us').registry, BLOB_BYTES);
      const ap = cluster.region('ap');
      const before = between(cluster);
      // So that they are gone long before it has come.
      cluster.links.set('us', 'ap', { bytesPerSecond: 2 * MEGABYTE });
      await Promise.all(Array.from({ length: LEAVING }, () => read(ap.registry, blob, MEGABYTE)));
      expect(await holdsBlob(ap, blob.digest)).toBe(false);
      cluster.links.set('us', 'ap', LINK);
      await vi.waitFor(async () => expect(await holdsBlob(ap, blob.digest)).toBe(true), {
        timeout: MAX_TEST_MS / 2,
        interval: 100,
      });
      expect(await read(ap.registry, blob, Infinity)).toBe(BLOB_BYTES);
      expect((between(cluster) - before) / BLOB_BYTES).toBeLessThan(MAX_SHARE);
    },
    MAX_TEST_MS,
  );
});

interface Periodic {
  readonly digest: string;
  /** Two periods, so that any piece of one begins in the first. */
  readonly periods: Buffer;
}

function between({ links }: FaultCluster): number {
  return links.link('us', 'ap').bytes + links.link('ap', 'us').bytes;
}

/** Bytes that nobody has seen, told from others at any offset without holding them all. */
async function pushPeriodic(registry: string, size: number): Promise<Periodic> {
  const period = randomBytes(PERIOD);
  const hash = createHash('sha256');
  const bytes = (async function* () {
    for (let left = size; left > 0; left -= PERIOD) {
      const piece = period.subarray(0, Math.min(left, PERIOD));
      hash.update(piece);
      yield piece;
    }
  })();
  const opened = await send(registry, 'POST', `/v2/${REPOSITORY}/blobs/uploads/`);
  const patched = await send(registry, 'PATCH', pathOf(opened.headers.location), { bytes });
  expect(patched.status).toBe(202);
  const digest = `sha256:${hash.digest('hex')}`;
  const finished = await send(registry, 'PUT', `${pathOf(patched.headers.location)}?digest=${digest}`);
  expect(finished.status).toBe(201);
  return { digest, periods: Buffer.concat([period, period]) };
}

/** Reads so many bytes at least, all of them where that is more, and compares them; gives how many it got. */
async function read(registry: string, { digest, periods }: Periodic, enough: number): Promise<number> {
  const response = await open(registry, 'GET', `/v2/${REPOSITORY}/blobs/${digest}`);
  expect(response.statusCode).toBe(200);
  let offset = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; at += PERIOD) {
      const piece = chunk.subarray(at, at + PERIOD);
      const begin = (offset + at) % PERIOD;
      if (!piece.equals(periods.subarray(begin, begin + piece.length)))
        throw new Error(`Wrong bytes came at ${offset + at}.`);
    }
    offset += chunk.length;
    if (offset >= enough) break;
  }
  return offset;
}

function pathOf(location: string | undefined): string {
  return new URL(location ?? '', 'http://registry').pathname;
}
