import { expect, it } from 'vitest';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import { memoryRegions, type TestRegion } from '#test/support/memory/region.ts';
import {
  eventually,
  frontendsOfEachTest,
  pushImage,
  putManifest,
  someBytes,
  type PushedImage,
  type TestFrontend,
} from './harness.ts';
import { stores } from './stores.ts';

/** How often each call was made. */
type Counts = Partial<Record<string, number>>;

const start = frontendsOfEachTest();

async function counted(region: TestRegion): Promise<{ frontend: TestFrontend; counts: Counts }> {
  const counts: Counts = {};
  const frontend = await start(region, {
    collaborators: {
      catalog: counting<Catalog>(region.catalog.catalog, counts),
      storage: counting<Storage>(region.storage, counts),
    },
  });
  return { frontend, counts };
}

it('a hot pull makes no call', async () => {
  const { us } = memoryRegions('us');
  const { frontend, counts } = await counted(us);
  const image = await pushImage(frontend, 'team/app', 'latest');
  const pull = async (): Promise<void> => {
    for (const path of ['manifests/latest', `manifests/${image.digest}`, `blobs/${image.layerDigest}`]) {
      for (const method of ['HEAD', 'GET']) {
        expect((await frontend.send(method, `/v2/team/app/${path}`)).status).toBe(200);
      }
    }
  };
  await untilCached(frontend, pull, counts);
});

it('a large layer on a volume that the front end sees is read without a call once its file is known', async () => {
  const onDisk = stores.find(([kind]) => kind === 'on disk');
  if (onDisk === undefined) throw new Error('no store on disk');
  const { us, close } = await onDisk[1]();
  const { frontend, counts } = await counted(us);
  const { layer, layerDigest } = await pushImage(frontend, 'team/app', 'x', { layer: someBytes(900_000) });
  const read = async (): Promise<void> => {
    const answer = await frontend.send('GET', `/v2/team/app/blobs/${layerDigest}`);
    expect(answer.body.equals(layer)).toBe(true);
  };
  await untilCached(frontend, read, counts);
  await frontend.stop(0);
  await close();
});

it('a tag moved elsewhere is seen after one frame, and at once by who brings the revision', async () => {
  const { us, eu } = memoryRegions('us', 'eu');
  const there = await counted(us);
  const here = await counted(eu);
  const first = await pushImage(there.frontend, 'team/app', 'latest');
  const seen = async (headers: Record<string, string> = {}): Promise<unknown> =>
    (await here.frontend.send('HEAD', '/v2/team/app/manifests/latest', { headers })).headers[
      'docker-content-digest'
    ];
  await untilCached(here.frontend, async () => expect(await seen()).toBe(first.digest), here.counts);

  const second = await pushImage(there.frontend, 'team/app', 'next');
  const moved = await putManifest(there.frontend, 'team/app', 'latest', second.bytes);
  const revision = String(moved.headers['meridian-revision']);
  expect(await seen({ 'meridian-min-revision': revision })).toBe(second.digest);
  expect(await seen({ 'meridian-consistency': 'strong' })).toBe(second.digest);
  await eventuallyAsync(async () => (await seen()) === second.digest);
});

it('an answer that a change overtook is served once, and not kept', async () => {
  const { us, eu } = memoryRegions('us', 'eu');
  const there = await counted(us);
  const first = await pushImage(there.frontend, 'team/app', 'latest');
  const second = await pushImage(there.frontend, 'team/app', 'next');

  // Holds the first answer back until the frame that overtakes it has been taken.
  const held = Promise.withResolvers<undefined>();
  let asked = 0;
  let position = 0;
  const slow: Catalog = {
    ...eu.catalog.catalog,
    resolve: async (request, context) => {
      const answer = await eu.catalog.catalog.resolve(request, context);
      asked += 1;
      if (asked === 1) await held.promise;
      return answer;
    },
    async *follow(request, context) {
      for await (const frame of eu.catalog.catalog.follow(request, context)) {
        yield frame;
        // The cache has taken the frame when it asks for the next.
        position = frame.position?.revision ?? 0;
      }
    },
  };
  const here = await start(eu, { collaborators: { catalog: slow } });
  const read = (): ReturnType<TestFrontend['send']> => here.send('HEAD', '/v2/team/app/manifests/latest');
  await eventually(() => position > 0);

  const early = read();
  await eventually(() => asked === 1);
  const moved = await putManifest(there.frontend, 'team/app', 'latest', second.bytes);
  const revision = Number(String(moved.headers['meridian-revision']).split(':')[1]);
  await eventually(() => position >= revision);
  held.resolve(undefined);
  expect((await early).headers['docker-content-digest']).toBe(first.digest);
  expect((await read()).headers['docker-content-digest']).toBe(second.digest);
  expect(asked).toBe(2);
});

it('who pushes through a front end reads what he pushed, before any frame says so', async () => {
  const { us } = memoryRegions('us');
  const mute: Catalog = {
    ...us.catalog.catalog,
    async *follow(request, context) {
      for await (const frame of us.catalog.catalog.follow(request, context)) {
        // Frames go on, but tell of nothing that was pushed after the first.
        const { position } = frame;
        if (position !== null)
          yield { ...frame, position: { ...position, revision: 0 }, tags: [], repositories: [] };
      }
    },
  };
  const frontend = await start(us, { collaborators: { catalog: mute } });
  let image: PushedImage | undefined;
  for (let i = 0; i < 5; i++) {
    image = await pushImage(frontend, 'team/app', 'latest');
    const seen = await frontend.send('HEAD', '/v2/team/app/manifests/latest');
    expect(seen.headers['docker-content-digest']).toBe(image.digest);
  }
  expect((await frontend.send('DELETE', '/v2/team/app/manifests/latest')).status).toBe(202);
  expect((await frontend.send('HEAD', '/v2/team/app/manifests/latest')).status).toBe(404);
});

it('cached bytes are served only to a repository that owns them', async () => {
  const { us } = memoryRegions('us');
  const { frontend } = await counted(us);
  const image = await pushImage(frontend, 'team/app', 'latest');
  await frontend.send('GET', `/v2/team/app/blobs/${image.layerDigest}`);
  expect((await frontend.send('GET', `/v2/team/other/blobs/${image.layerDigest}`)).status).toBe(404);
  expect((await frontend.send('GET', `/v2/team/other/manifests/${image.digest}`)).status).toBe(404);
});

it('a region that is cut off serves what it knows with a warning, and refuses what it cannot know', async () => {
  const { us, eu } = memoryRegions('us', 'eu');
  const { frontend } = await counted(us);
  const here = await start(eu, { settings: { staleWarningMs: 20 } });
  const image = await pushImage(frontend, 'team/app', 'latest');
  await here.send('GET', `/v2/team/app/blobs/${image.layerDigest}`);
  eu.catalog.cutOff();
  const read = (path: string): ReturnType<TestFrontend['send']> => here.send('GET', `/v2/team/app/${path}`);
  await eventuallyAsync(async () => (await read('manifests/latest')).headers.warning !== undefined);
  const stale = await read('manifests/latest');
  expect(stale.status).toBe(200);
  expect(stale.headers.warning).toMatch(/^299 - "This region has not heard .* for \d+ s;/);
  expect(Number(stale.headers['meridian-staleness'])).toBeGreaterThan(0);
  expect((await read(`blobs/${image.layerDigest}`)).status).toBe(200);

  const unknown = await read('manifests/other');
  expect(unknown.status).toBe(503);
  expect(unknown.headers['retry-after']).toBe('2');
  expect((await putManifest(here, 'team/app', 'new', image.bytes)).status).toBe(503);
  eu.catalog.reconnect();
  expect((await read('manifests/other')).status).toBe(404);
});

/** Repeats until a round makes no call. */
async function untilCached(
  frontend: TestFrontend,
  round: () => Promise<unknown>,
  counts: Counts,
): Promise<void> {
  await eventuallyAsync(async () => {
    for (const name of Object.keys(counts)) counts[name] = 0;
    await round();
    return Object.entries(counts).every(([name, count]) => name === 'follow' || count === 0);
  });
  expect(frontend.faults).toEqual([]);
}

async function eventuallyAsync(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition was not met in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The service itself, with its calls counted. */
function counting<S extends object>(service: S, counts: Counts): S {
  const entries = Object.entries(service as Record<string, (...args: unknown[]) => unknown>);
  return Object.fromEntries(
    entries.map(([name, call]) => [
      name,
      (...args: unknown[]) => {
        counts[name] = (counts[name] ?? 0) + 1;
        return call(...args);
      },
    ]),
  ) as S;
}
