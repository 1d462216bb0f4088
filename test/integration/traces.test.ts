import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_INDEX } from '#libs/oci/mediatype.ts';
import { startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { startOtlpReceiver, type OtlpReceiver, type SpanTree } from '#test/support/otlp-receiver.ts';
import { pull, pullBlob, push, pushBlob, send } from '#test/support/registry-client.ts';

const MEGABYTE = 1024 * 1024;
/** The large blob has 76 chunks more than the small one. */
const MAX_SPANS_BY_CHANCE = 12;
const soon = { timeout: 30_000, interval: 100 };

/** A client's own trace, such as a CI job's: every request of it carries the same header. */
interface ClientTrace {
  readonly id: string;
  readonly spanId: string;
  readonly headers: Record<string, string>;
}

describe('a cluster that sends its traces to a collector', () => {
  let receiver: OtlpReceiver;
  let cluster: TestCluster;
  let scratch: string;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-traces-'));
    receiver = await startOtlpReceiver();
    cluster = await startCluster({
      args: ['--otlp', receiver.endpoint],
      env: { OTEL_BSP_SCHEDULE_DELAY: '100' },
    });
  });
  afterAll(async () => {
    await cluster.dispose();
    await receiver.close();
    await rm(scratch, { recursive: true, force: true });
  });

  /** The trace, once its spans are here from all processes: each line of spans is in it, each the parent of the next. */
  async function traceWith(trace: ClientTrace, ...lines: string[][]): Promise<readonly SpanTree[]> {
    const absent = (): string[][] => lines.filter((line) => !descends(receiver.trace(trace.id), line));
    await expect.poll(absent, soon).toEqual([]);
    const strays = (): string[] =>
      receiver
        .trace(trace.id)
        .filter(({ parentSpanId }) => parentSpanId !== trace.spanId)
        .map(({ name }) => name);
    await expect.poll(strays, soon).toEqual([]);
    return receiver.trace(trace.id);
  }

  /** The region that served this to another, once it has said so. */
  async function regionThatServed(trace: ClientTrace, name: string): Promise<string> {
    const span = (): SpanTree | undefined =>
      flatten(receiver.trace(trace.id)).find((one) => serverSpan(one) === name);
    await expect.poll(span, soon).toBeDefined();
    return String(span()?.resource['meridian.region']);
  }

  /** Where the announcement of a blob went to, and the region that knows nothing of it. */
  async function announcedTo(trace: ClientTrace): Promise<{ told: RegionName; untold: RegionName }> {
    const heard = await regionThatServed(trace, 'meridian.v1.Peer/Announce');
    return heard === 'eu' ? { told: 'eu', untold: 'ap' } : { told: 'ap', untold: 'eu' };
  }

  it('gives one trace of a push, through all services and the other region that holds it', async () => {
    const client = newTrace();
    const dir = join(scratch, 'pushed');
    await writeImageLayout(dir, '1.0', { layerBytes: [2 * MEGABYTE], seed: 'traced' });
    await push(cluster.registry('us'), 'team/traced', '1.0', dir, client.headers);

    const blobPut = 'HTTP PUT /v2/<name>/blobs/uploads/<id>@us';
    const commit = ['HTTP PUT /v2/<name>/manifests/<reference>@us', 'meridian.v1.Catalog/Push@us'];
    const trees = await traceWith(
      client,
      ['HTTP POST /v2/<name>/blobs/uploads/@us', 'meridian.v1.Uploads/Create@us'],
      [blobPut, 'meridian.v1.Uploads/Write@us'],
      [blobPut, 'meridian.v1.Uploads/Finish@us'],
      [blobPut, 'meridian.v1.Transfer/Announce@us', 'meridian.v1.Peer/Announce@us'],
      ['HTTP PUT /v2/<name>/manifests/<reference>@us', 'meridian.v1.Storage/Put@us'],
      [...commit, 'catalog.push prepare@us'],
      [...commit, 'catalog.push hold@us', 'meridian.v1.Storage/Hold@us'],
      [...commit, 'catalog.push hold@us', 'meridian.v1.Peer/Hold@us'],
      [...commit, 'catalog.push commit@us', 'etcd.txn@us'],
    );
    const other = await regionThatServed(client, 'meridian.v1.Peer/Hold');
    expect(['eu', 'ap']).toContain(other);
    const hold = ['meridian.v1.Peer/Hold@us', `meridian.v1.Peer/Hold@${other}`];
    await traceWith(
      client,
      [...hold, `meridian.v1.Storage/Hold@${other}`],
      // The manifest came along.
      [...hold, `meridian.v1.Storage/Put@${other}`],
    );
    expect(flatten(trees).filter(({ failed }) => failed)).toEqual([]);
  });

  it('gives one trace of a push whose manifest is too large to come along, which is copied', async () => {
    const client = newTrace();
    const annotations = { 'org.example.long': 'x'.repeat(2 * MEGABYTE) };
    const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], annotations });
    const headers = { ...client.headers, 'content-type': OCI_INDEX };
    const path = '/v2/team/traced/manifests/large';
    expect(await send(cluster.registry('us'), 'PUT', path, { headers, body })).toMatchObject({ status: 201 });
    const other = await regionThatServed(client, 'meridian.v1.Peer/Hold');
    const copy = ['meridian.v1.Peer/Hold@us', `meridian.v1.Peer/Hold@${other}`, `copy blob@${other}`];
    await traceWith(
      client,
      [...copy, `meridian.v1.Storage/Ingest@${other}`],
      [...copy, ...peerRead(other, 'us')],
    );
  });

  it.each([2, 1])('keeps a copy of %i MiB in the trace of its upload', async (megabytes) => {
    const client = newTrace();
    await pushBlob(cluster.registry('us'), 'team/announced', ...blobOf(megabytes * MEGABYTE), client.headers);
    const { told } = await announcedTo(client);
    const copy = ['meridian.v1.Peer/Announce@us', `meridian.v1.Peer/Announce@${told}`, `copy blob@${told}`];
    // The bytes of the small one come along.
    const along = ['meridian.v1.Transfer/Announce@us', 'meridian.v1.Storage/Read@us'];
    const bytes = megabytes > 1 ? [...copy, ...peerRead(told, 'us')] : along;
    await traceWith(client, [...copy, `meridian.v1.Storage/Ingest@${told}`], bytes);
  });

  it('gives one trace of a cut-through pull, with no more spans for a large blob than for a small one', async () => {
    const spans: number[] = [];
    for (const megabytes of [1, 20]) {
      const upload = newTrace();
      const [digest, bytes] = blobOf(megabytes * MEGABYTE);
      await pushBlob(cluster.registry('us'), 'team/pulled', digest, bytes, upload.headers);
      const { untold } = await announcedTo(upload);
      const client = newTrace();
      await pullBlob(cluster.registry(untold), 'team/pulled', digest, client.headers);
      const get = `HTTP GET /v2/<name>/blobs/<digest>@${untold}`;
      const fetched = [get, `meridian.v1.Transfer/Fetch@${untold}`, `copy blob@${untold}`];
      const trees = await traceWith(
        client,
        [get, `meridian.v1.Catalog/FindBlob@${untold}`, `catalog.barrier@${untold}`, `etcd.range@${untold}`],
        [get, `meridian.v1.Storage/Read@${untold}`],
        [...fetched, `meridian.v1.Storage/Ingest@${untold}`],
        [...fetched, `meridian.v1.Peer/Read@${untold}`],
      );
      spans.push(flatten(trees).length);
      expect(flatten(trees).every(({ events }) => events === 0)).toBe(true);
    }
    const [small = 0, large = 0] = spans;
    // Which regions were asked in passing, and how often the arriving blob was looked for, is a matter of timing.
    expect(Math.abs(large - small), `${small} and ${large} spans`).toBeLessThan(MAX_SPANS_BY_CHANCE);
  });

  it('links a pull that waits for the copy of another to that copy', async () => {
    const upload = newTrace();
    const [digest, bytes] = blobOf(32 * MEGABYTE);
    await pushBlob(cluster.registry('us'), 'team/joined', digest, bytes, upload.headers);
    const { untold } = await announcedTo(upload);
    const clients = [newTrace(), newTrace()];
    await Promise.all(
      clients.map(({ headers }) => pullBlob(cluster.registry(untold), 'team/joined', digest, headers)),
    );
    const copies = (): number[] =>
      clients.map(({ id }) => flatten(receiver.trace(id)).filter(({ name }) => name === 'copy blob').length);
    await expect.poll(() => copies().sort(), soon).toEqual([0, 1]);
    const [copied, waited] = copies()[0] === 1 ? clients : clients.reverse();
    const linked = (): boolean =>
      flatten(receiver.trace(waited?.id ?? '')).some(({ links }) =>
        links.some(({ traceId }) => traceId === copied?.id),
      );
    await expect.poll(linked, soon).toBe(true);
  });

  it('writes the trace into the log lines of the request, in every region it comes to', async () => {
    const client = newTrace();
    const dir = join(scratch, 'logged');
    await writeImageLayout(dir, '1.0', { layerBytes: [1000], seed: 'logged' });
    await push(cluster.registry('us'), 'team/logged', '1.0', dir, client.headers);
    await pull(cluster.registry('ap'), 'team/logged', '1.0', client.headers);
    const lines = async (region: string): Promise<Record<string, unknown>[]> => {
      const text = await readFile(join(cluster.dataDir, region, 'log.jsonl'), 'utf8');
      const parsed = text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      return parsed.filter((line) => line['trace_id'] === client.id);
    };
    await expect
      .poll(() => lines('us'), soon)
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({ method: 'PUT', status: 201, route: '/v2/<name>/manifests/<reference>' }),
          expect.objectContaining({ event: expect.objectContaining({ kind: 'push' }) as unknown }),
        ]),
      );
    await expect
      .poll(() => lines('ap'), soon)
      .toEqual(expect.arrayContaining([expect.objectContaining({ method: 'GET', status: 200 })]));
    const replicas = async (): Promise<number> => {
      const all = [...(await lines('eu')), ...(await lines('ap'))];
      return all.filter(({ event }) => (event as { kind?: string } | undefined)?.kind === 'replica').length;
    };
    await expect.poll(replicas, soon).toBeGreaterThan(0);
  });

  it('makes no traces of its own for pings, heads and leases', () => {
    const roots = receiver.spans().filter(({ parentSpanId }) => parentSpanId === '');
    // What the reconcile loop copies nobody asked for, so these begin a trace.
    expect(roots.filter(({ name }) => name !== 'copy blob').map(({ name }) => name)).toEqual([]);
  });
});

function newTrace(): ClientTrace {
  const [id, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { id, spanId, headers: { traceparent: `00-${id}-${spanId}-01` } };
}

function blobOf(size: number): [digest: string, bytes: Buffer] {
  const bytes = randomBytes(size);
  return [`sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes];
}

/** One region reads a blob from another's storage. */
function peerRead(to: string, from: string): string[] {
  return [`meridian.v1.Peer/Read@${to}`, `meridian.v1.Peer/Read@${from}`, `meridian.v1.Storage/Read@${from}`];
}

function serverSpan({ kind, name }: SpanTree): string | undefined {
  return kind === 'server' ? name : undefined;
}

function flatten(trees: readonly SpanTree[]): SpanTree[] {
  return trees.flatMap((tree) => [tree, ...flatten(tree.children)]);
}

/** Whether somewhere in the trees there are spans of these names (`name@region`), each the parent of the next. */
function descends(trees: readonly SpanTree[], [first, ...rest]: readonly string[]): boolean {
  const begins = (tree: SpanTree): boolean =>
    `${tree.name}@${String(tree.resource['meridian.region'])}` === first && continues(tree.children, rest);
  return flatten(trees).some(begins);
}

function continues(trees: readonly SpanTree[], [next, ...rest]: readonly string[]): boolean {
  if (next === undefined) return true;
  return trees.some(
    (tree) =>
      `${tree.name}@${String(tree.resource['meridian.region'])}` === next && continues(tree.children, rest),
  );
}
