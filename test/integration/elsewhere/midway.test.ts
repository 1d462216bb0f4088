import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { freePorts } from '#test/support/ports.ts';
import { startRegionsElsewhere, type RegionsElsewhere } from '#test/support/regions-elsewhere.ts';
import { open, pull, push, send } from '#test/support/registry-client.ts';
import { storageElsewhere } from '#test/support/storage-elsewhere.ts';

const soon = { timeout: 60_000, interval: 50 };
const MEGABYTE = 1024 * 1024;
/** More than the buffers on the way can hold. */
const LAYER_BYTES = 24 * MEGABYTE;

describe('what goes away while a blob is on its way', () => {
  let cluster: RegionsElsewhere;
  let blob: { readonly path: string; readonly digest: string };

  beforeAll(async () => {
    // What us does not hold it passes on, and never copies.
    const replication = { MERIDIAN_MIN_FREE_BYTES: String(Number.MAX_SAFE_INTEGER) };
    cluster = await startRegionsElsewhere({ secured: false, replication });
    const dir = join(cluster.scratch, 'image');
    await writeImageLayout(dir, '1.0', { layerBytes: [LAYER_BYTES], seed: 'midway' });
    const { eu, ap } = cluster.registries;
    await push(eu, 'team/app', '1.0', dir);
    await pull(ap, 'team/app', '1.0');
    const manifest = await send(eu, 'GET', '/v2/team/app/manifests/1.0');
    const { layers } = JSON.parse(manifest.body.toString()) as { layers: { digest: string }[] };
    const digest = layers[0]?.digest ?? '';
    blob = { digest, path: `/v2/team/app/blobs/${digest}` };
  });
  afterAll(() => cluster.stop());

  it('replication, which passes it on: the rest comes from another region', async () => {
    const { us } = cluster;
    const answer = await open(us.registry, 'GET', blob.path);
    expect(answer.statusCode).toBe(200);
    const reader = readerOf(answer);
    await reader.some();
    await us.process('replication').kill();
    await reader.rest();
    expect(reader.digest()).toBe(blob.digest);
    expect(await us.metric('frontend', 'meridian_elsewhere_bytes_total')).toBeGreaterThan(MEGABYTE);
    await us.start('replication');
    const log = (): string => us.process('frontend').log();
    await expect.poll(log, soon).toContain("this region's replication goes there again");
  });

  it('storage, which holds it: the rest of it whole comes from another region, of a part nothing that is wrong', async () => {
    const { us, scratch } = cluster;
    await push(us.registry, 'team/held', '1.0', join(scratch, 'image'));
    const path = `/v2/team/held/blobs/${blob.digest}`;
    const far = await storageElsewhere(us.addresses.storage);
    const [port = 0] = await freePorts(1);
    const registry = `127.0.0.1:${port}`;
    const frontend = await cluster.startFrontend(registry, { MERIDIAN_STORAGE: far.address });
    const whole = await open(registry, 'GET', path);
    const range = `bytes=${MEGABYTE}-${LAYER_BYTES - 2}`;
    const part = await open(registry, 'GET', path, { headers: { range } });
    expect([whole.statusCode, part.statusCode]).toEqual([200, 206]);
    expect([whole, part].map(({ headers }) => headers['meridian-served-by'])).toEqual([undefined, undefined]);
    const readers = [readerOf(whole), readerOf(part)] as const;
    await Promise.all(readers.map((reader) => reader.some()));
    await far.close();
    await readers[0].rest();
    expect(readers[0].digest()).toBe(blob.digest);
    await readers[1].rest().catch(() => undefined);
    const same = await send(cluster.registries.eu, 'GET', blob.path, { headers: { range } });
    const got = readers[1].bytes();
    expect(got.equals(same.body.subarray(0, got.length))).toBe(true);
    expect(frontend.log()).not.toContain('should not');
    expect(await frontend.stop()).toBe(0);
  });

  it('the region whose help is used: the rest comes from the next one', async () => {
    const { us, others } = cluster;
    await us.process('replication').kill();
    await us.process('storage').kill();
    const answer = await open(us.registry, 'GET', blob.path);
    const helper = String(answer.headers['meridian-served-by']).split(', ')[0] === 'eu' ? 'eu' : 'ap';
    const reader = readerOf(answer);
    await reader.some();
    await others[helper].kill();
    await reader.rest();
    expect(reader.digest()).toBe(blob.digest);
    await pull(us.registry, 'team/app', '1.0');
    await Promise.all([us.start('storage'), others[helper].start()]);
    await us.start('replication');
    await pull(us.registry, 'team/app', '1.0');
  });
});

interface Reader {
  /** Reads the beginning, and no more for now. */
  some(): Promise<void>;
  /** Rejects where the connection ends early. */
  rest(): Promise<void>;
  digest(): string;
  bytes(): Buffer;
}

function readerOf(answer: IncomingMessage): Reader {
  const chunks: Buffer[] = [];
  const iterator = (answer as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  const next = async (): Promise<boolean> => {
    const step = await iterator.next();
    if (step.done === true) return false;
    chunks.push(step.value);
    return true;
  };
  return {
    some: async () => {
      await next();
    },
    rest: async () => {
      while (await next());
      if (!answer.complete) throw new Error('the connection ended early');
    },
    digest: () => `sha256:${createHash('sha256').update(Buffer.concat(chunks)).digest('hex')}`,
    bytes: () => Buffer.concat(chunks),
  };
}
