import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { pull, push } from '#test/support/registry-client.ts';
import { plainCopyOverHttp, plainWrite } from './machine-limits.ts';
import { linesOfCode } from './lines-of-code.ts';
import { memoryOf } from './memory.ts';

/**
 * One image through one region and out of the others: seconds, MB/s, bytes moved between regions and memory, beside what plain Node does
 * with the same bytes on the same machine in the same run.
 *
 *     node benchmarks/image-across-regions.ts [--megabytes 1024] [--layers 8] [-- options of npm start]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { megabytes: { type: 'string', default: '1024' }, layers: { type: 'string', default: '8' } },
});
const MEGABYTE = 1_000_000;
const megabytes = Number(values.megabytes);
const layerBytes = Array.from({ length: Number(values.layers) }, () =>
  Math.floor((megabytes * MEGABYTE) / Number(values.layers)),
);

interface Row {
  readonly what: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly moved: number | undefined;
}

const rows: Row[] = [];
const scratch = await mkdtemp(join(tmpdir(), 'meridian-bench-'));
try {
  progress('making the image');
  const image = join(scratch, 'image');
  await writeImageLayout(image, '1.0', { layerBytes, seed: 'benchmark' });
  await measure('plain Node: hash, write, fdatasync', undefined, () =>
    plainWrite(image, join(scratch, 'plain')),
  );
  await measure('plain Node: HTTP download of the files', undefined, () => plainCopyOverHttp(image));

  const cluster = await startCluster({ args: positionals });
  try {
    await inOneRegion(cluster, image);
    await beforeTheReplica(cluster);
    await fromAllAtOnce(cluster, image);
    report(await memoryOf(cluster.dataDir, ['coordinator', ...REGIONS]));
  } finally {
    await cluster.dispose();
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}

async function inOneRegion(cluster: TestCluster, image: string): Promise<void> {
  await measure('push through us (durable in 2 regions)', cluster, async () => {
    await push(cluster.registry('us'), 'bench/one', '1.0', image);
    return megabytes * MEGABYTE;
  });
  await measure('pull from us', cluster, () => pulled(cluster, 'us', 'bench/one'));
  await settled(cluster);
}

/** A region that was away during the push and pulls as soon as it is back: nothing of the image is there yet. */
async function beforeTheReplica(cluster: TestCluster): Promise<void> {
  const other = join(scratch, 'other');
  await writeImageLayout(other, '1.0', { layerBytes, seed: 'cut-through' });
  await cluster.kill('ap');
  await push(cluster.registry('us'), 'bench/two', '1.0', other);
  await cluster.restart('ap');
  await measure('pull from ap before its replica exists', cluster, () => pulled(cluster, 'ap', 'bench/two'));
  await settled(cluster);
  await measure('pull from ap again', cluster, () => pulled(cluster, 'ap', 'bench/two'));
  await rm(other, { recursive: true });
}

async function fromAllAtOnce(cluster: TestCluster, image: string): Promise<void> {
  await push(cluster.registry('eu'), 'bench/all', '1.0', image);
  await measure('pull from us, eu and ap at once', cluster, async () => {
    const all = await Promise.all(REGIONS.map((region) => pulled(cluster, region, 'bench/all')));
    return all.reduce((sum, bytes) => sum + bytes, 0);
  });
}

async function pulled(cluster: TestCluster, region: RegionName, repository: string): Promise<number> {
  return (await pull(cluster.registry(region), repository, '1.0')).bytes;
}

async function measure(
  what: string,
  cluster: TestCluster | undefined,
  work: () => Promise<number>,
): Promise<void> {
  progress(what);
  const before = cluster === undefined ? 0 : await bytesBetweenRegions(cluster);
  const start = performance.now();
  const bytes = await work();
  const seconds = (performance.now() - start) / 1000;
  const moved = cluster === undefined ? undefined : (await bytesBetweenRegions(cluster)) - before;
  rows.push({ what, seconds, bytes, moved });
}

async function bytesBetweenRegions(cluster: TestCluster): Promise<number> {
  const counts = REGIONS.map((region) =>
    cluster.metric(region, 'meridian_peer_bytes_total', 'direction="received"'),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** Waits until every region holds all there is, so that what was left over does not count for the next row. */
async function settled(cluster: TestCluster): Promise<void> {
  const revision = await cluster.metric('us', 'meridian_view_revision');
  for (;;) {
    const watermarks = REGIONS.map((region) => cluster.metric(region, 'meridian_replication_watermark'));
    if ((await Promise.all(watermarks)).every((watermark) => watermark >= revision)) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function report(memory: ReadonlyMap<string, { now: number; peak: number }>): void {
  const mb = (bytes: number): string => (bytes / MEGABYTE).toFixed(0);
  print('', '| What | Seconds | MB/s | MB between regions |', '|---|---:|---:|---:|');
  for (const { what, seconds, bytes, moved } of rows) {
    print(
      `| ${what} | ${seconds.toFixed(2)} | ${mb(bytes / seconds)} | ${moved === undefined ? '' : mb(moved)} |`,
    );
  }
  print('', '| Process | Memory at the end, MB | Peak, MB |', '|---|---:|---:|');
  for (const [name, { now, peak }] of memory) print(`| ${name} | ${mb(now)} | ${mb(peak)} |`);
  print('', '| Part | Files | Lines of code |', '|---|---:|---:|');
  for (const { part, files, lines } of linesOfCode()) print(`| ${part} | ${files} | ${lines} |`);
}

function progress(text: string): void {
  process.stderr.write(`… ${text}\n`);
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
