import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { pull, pullBlob, send, type Answer } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { readBudget } from './support/budget.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { holdsBlob } from './support/region-files.ts';
import { finishUpload, type OpenUpload } from './support/recorded-push.ts';
import type { RegionProcess } from './support/region-process.ts';
import { makeSmallImage, pushSmallImage, putManifest, type SmallImage } from './support/small-image.ts';

const { seed, whole } = readBudget();
const REPOSITORY = 'team/apart';
const MAX_TEST_MS = 180_000;

const SAYS = 'in what it says';

/** How ap is cut off. */
const CUTS: Record<string, (cluster: FaultCluster) => void> = {
  'from all others': (cluster) => cluster.isolate('ap', 'held'),
  'with its connections reset': (cluster) => cluster.isolate('ap', 'broken'),
  'in what it hears': ({ links, members }) => {
    for (const from of ['us', 'eu', ...members.map(({ name }) => name)])
      links.link(from, 'ap').set({ flow: 'held' });
  },
  [SAYS]: ({ links, members }) => {
    for (const to of ['us', 'eu', ...members.map(({ name }) => name)])
      links.link('ap', to).set({ flow: 'held' });
  },
};

function selected(): string[] {
  const names = Object.keys(CUTS);
  return whole ? names : names.splice(Math.floor(seededRandom(seed)() * names.length), 1);
}

describe(`pulls never stop: a region that is cut off (seed ${seed})`, () => {
  let cluster: FaultCluster;
  let [us, eu, ap]: RegionProcess[] = [];
  beforeAll(async () => {
    cluster = await startFaultCluster({
      links: { delayMs: 2 },
      env: { MERIDIAN_ETCD_TIMEOUT_MS: '2000' },
    });
    [us, eu, ap] = cluster.regions;
  });
  beforeEach(() => cluster.heal());
  afterAll(() => cluster.dispose());

  it.each(selected())(
    '%s serves what it has, says how old that is, refuses what it can’t know, and catches up',
    async (cut) => {
      const [before, after] = [
        makeSmallImage(`before ${cut}`, [20_000]),
        makeSmallImage(`after ${cut}`, [20_000]),
      ];
      const tag = cut.replaceAll(' ', '-').replaceAll(/[^a-z-]/g, '');
      await eventually(() => pushSmallImage([registry(us)], REPOSITORY, tag, before));
      expect((await eventually(() => pull(registry(ap), REPOSITORY, tag))).digest).toBe(before.digest);
      const upload = await beginUpload(registry(ap));

      CUTS[cut]?.(cluster);
      // The others are the majority, and don't notice.
      await eventually(() => pushSmallImage([registry(us), registry(eu)], REPOSITORY, tag, after));
      // What is only said in vain does not keep it from hearing of new tags.
      if (cut !== SAYS) await servesTheLast(registry(ap), tag, before);
      expect((await pull(registry(ap), REPOSITORY, before.digest)).digest).toBe(before.digest);
      await refusesWhatItCannotKnow(registry(ap), tag, before);
      await finishUpload(registry(ap), upload);

      const startedAt = performance.now();
      await cluster.heal();
      await eventually(async () => {
        const { digest } = await pull(registry(ap), REPOSITORY, tag);
        if (digest !== after.digest) throw new Error('ap has not caught up.');
        const { headers } = await head(registry(ap), tag);
        if (headers.warning !== undefined) throw new Error(`ap warns: ${headers.warning}`);
      });
      console.info(`Cut off ${cut}, it caught up ${Math.round(performance.now() - startedAt)} ms after.`);
      for (const { registry: each } of cluster.regions)
        expect(await eventually(() => pullBlob(each, REPOSITORY, digestOf(upload.bytes)))).toBe(
          upload.bytes.length,
        );
      const named = makeSmallImage('named', [], [upload.bytes]);
      await eventually(() => pushSmallImage([registry(ap)], REPOSITORY, tag, named));
      expect((await pull(registry(us), REPOSITORY, tag, STRONG)).digest).toBe(named.digest);
    },
    MAX_TEST_MS,
  );

  it(
    'and is started again meanwhile serves what it has',
    async () => {
      const image = makeSmallImage('started again', [20_000]);
      await eventually(() => pushSmallImage([registry(us)], REPOSITORY, 'again', image));
      await eventually(() => pull(registry(ap), REPOSITORY, 'again'));
      // What a pull has brought is complete before it is on disk.
      await eventually(() => holdsAll(ap, image));
      cluster.isolate('ap', 'held');
      await ap?.kill();
      const startedAt = performance.now();
      await ap?.start();
      expect((await eventually(() => pull(registry(ap), REPOSITORY, 'again'))).digest).toBe(image.digest);
      console.info(`Started without etcd, it served ${Math.round(performance.now() - startedAt)} ms later.`);
      await servesTheLast(registry(ap), 'again', image);
    },
    MAX_TEST_MS,
  );

  it(
    'from one other alone gets everything all the same',
    async () => {
      cluster.links.set('us', 'ap', { flow: 'held' });
      const image = makeSmallImage('one pair', [20_000]);
      await eventually(() => pushSmallImage([registry(us)], REPOSITORY, 'pair', image));
      expect((await eventually(() => pull(registry(ap), REPOSITORY, 'pair'))).digest).toBe(image.digest);
      const other = makeSmallImage('other way', [20_000]);
      await eventually(() => pushSmallImage([registry(ap)], REPOSITORY, 'pair', other));
      expect((await pull(registry(us), REPOSITORY, 'pair', STRONG)).digest).toBe(other.digest);
    },
    MAX_TEST_MS,
  );
});

const STRONG = { 'meridian-consistency': 'strong' };

function registry(region: RegionProcess | undefined): string {
  if (region === undefined) throw new Error('There is no such region.');
  return region.registry;
}

async function holdsAll(region: RegionProcess | undefined, { digest, blobs }: SmallImage): Promise<void> {
  for (const one of [digest, ...blobs.map((bytes) => digestOf(bytes))])
    if (region === undefined || !(await holdsBlob(region, one))) throw new Error(`${one} has not come.`);
}

function head(at: string, tag: string): Promise<Answer> {
  return send(at, 'HEAD', `/v2/${REPOSITORY}/manifests/${tag}`);
}

/** An upload of which half has been acknowledged. */
async function beginUpload(at: string): Promise<OpenUpload> {
  const [, bytes = Buffer.alloc(0)] = makeSmallImage('upload', [50_000]).blobs;
  const opened = await send(at, 'POST', `/v2/${REPOSITORY}/blobs/uploads/`);
  const offset = bytes.length / 2;
  const path = new URL(opened.headers.location ?? '', 'http://registry').pathname;
  const patched = await send(at, 'PATCH', path, { body: bytes.subarray(0, offset) });
  expect(patched.status).toBe(202);
  return { path, bytes, offset };
}

/** The tag it knew last, by tag and by digest, with how old that is. */
async function servesTheLast(at: string, tag: string, image: SmallImage): Promise<void> {
  await eventually(async () => {
    const { status, headers } = await head(at, tag);
    expect(status).toBe(200);
    expect(headers['docker-content-digest']).toBe(image.digest);
    expect(headers.warning).toMatch(/^299 /);
    expect(Number(headers['meridian-staleness'])).toBeGreaterThan(0);
  });
  expect((await pull(at, REPOSITORY, tag)).digest).toBe(image.digest);
  expect((await pull(at, REPOSITORY, image.digest)).digest).toBe(image.digest);
}

async function refusesWhatItCannotKnow(at: string, tag: string, image: SmallImage): Promise<void> {
  const unknown = digestOf(Buffer.from('nobody has this'));
  const answers = await Promise.all([
    send(at, 'GET', `/v2/${REPOSITORY}/manifests/never-set`),
    send(at, 'GET', `/v2/${REPOSITORY}/manifests/${tag}`, { headers: STRONG }),
    send(at, 'GET', `/v2/${REPOSITORY}/blobs/${unknown}`),
    putManifest(at, REPOSITORY, tag, image.manifest),
    send(at, 'DELETE', `/v2/${REPOSITORY}/manifests/${tag}`),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503]);
  for (const { headers } of answers) expect(Number(headers['retry-after'])).toBeGreaterThan(0);
}
