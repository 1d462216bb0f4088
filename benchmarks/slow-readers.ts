import { readdir, readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createHash } from 'node:crypto';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { seededBytes } from '#test/support/oci-layout.ts';
import { open, send } from '#test/support/registry-client.ts';
import { memoryOf } from './memory.ts';

/**
 * What readers that stall cost a region, and how fast the others are served meanwhile.
 *
 *     node benchmarks/slow-readers.ts [--readers 1000] [--megabytes 512] [-- options of npm start]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { readers: { type: 'string', default: '1000' }, megabytes: { type: 'string', default: '512' } },
});
const MEGABYTE = 1_000_000;
const bytes = Number(values.megabytes) * MEGABYTE;
const REPOSITORY = 'bench/slow';

const cluster = await startCluster({ args: positionals });
try {
  const digest = await pushed(cluster);
  print('| What | MB/s | Memory of the region, MB | Open files |', '|---|---:|---:|---:|');
  await row('at rest');
  await fast(1, digest);
  await fast(8, digest);
  const stalled = await Promise.all(Array.from({ length: Number(values.readers) }, () => stall(digest)));
  await row(`${values.readers} stalled readers`);
  await fast(1, digest);
  await fast(8, digest);
  for (const socket of stalled) socket.destroy();
  await row('after they have gone');
} finally {
  await cluster.dispose();
}

/** Pushes a blob through us as one stream. */
async function pushed(to: TestCluster): Promise<string> {
  const us = to.registry('us');
  const opened = await send(us, 'POST', `/v2/${REPOSITORY}/blobs/uploads/`);
  const hash = createHash('sha256');
  const content = (async function* () {
    for await (const chunk of seededBytes('slow', bytes)) {
      hash.update(chunk);
      yield chunk;
    }
  })();
  const { pathname } = new URL(opened.headers.location ?? '', 'http://registry');
  await send(us, 'PATCH', pathname, { bytes: content });
  const digest = `sha256:${hash.digest('hex')}`;
  await send(us, 'PUT', `${pathname}?digest=${digest}`);
  return digest;
}

/** A reader that takes the first bytes and no more; resolves when they have come. */
function stall(digest: string): Promise<Socket> {
  const { hostname, port } = new URL(`http://${cluster.registry('us')}`);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(`GET /v2/${REPOSITORY}/blobs/${digest} HTTP/1.1\r\nHost: registry\r\n\r\n`);
  return new Promise((resolve) => {
    socket.once('data', () => {
      socket.pause();
      resolve(socket);
    });
  });
}

async function fast(clients: number, digest: string): Promise<void> {
  const started = performance.now();
  const pulls = Array.from({ length: clients }, async () => {
    const answer = await open(cluster.registry('us'), 'GET', `/v2/${REPOSITORY}/blobs/${digest}`);
    let received = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) received += chunk.length;
    if (received !== bytes) throw new Error(`${received} bytes came instead of ${bytes}`);
  });
  await Promise.all(pulls);
  const seconds = (performance.now() - started) / 1000;
  await row(`${clients} fast reader${clients === 1 ? '' : 's'}`, (clients * bytes) / seconds / MEGABYTE);
}

async function row(what: string, rate?: number): Promise<void> {
  const memory = (await memoryOf(cluster.dataDir, ['us'])).get('us');
  const pid = (await readFile(join(cluster.dataDir, 'us', 'pid'), 'utf8')).trim();
  const files = (await readdir(`/proc/${pid}/fd`)).length;
  const mb = ((memory?.now ?? 0) / MEGABYTE).toFixed(0);
  print(`| ${what} | ${rate?.toFixed(0) ?? ''} | ${mb} | ${files} |`);
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
