import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { ReadBuffers } from '#services/frontend/content/read-buffers.ts';
import type { Frontend } from '#services/frontend/frontend.ts';
import { answeringRoutes } from '#services/frontend/routes.ts';
import { defaultFrontendSettings } from '#services/frontend/settings.ts';
import { REGIONS, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { pull, pushBlob, send, type Answer } from '#test/support/registry-client.ts';
import { otherRoutes, OWN, probes, STRANGER } from './probes.ts';

const OWNER = 'owner/app';

interface Content {
  readonly digest: string;
  readonly size: number;
}

let cluster: TestCluster;
/** The owner's: whole in every region, and read through every front end, so that it is in their caches. */
const owned: Record<string, Content> = {};
let own: Buffer;

beforeAll(async () => {
  cluster = await startCluster();
  const us = cluster.registry('us');
  const small = await upload(us, randomBytes(2000));
  const large = await upload(us, randomBytes(300_000));
  const config = await upload(us, randomBytes(100));
  const digest = await pushImage(us, OWNER, config, [small, large]);
  // Uploaded in one region and named by no manifest.
  const pinned = await upload(us, randomBytes(3000));
  Object.assign(owned, { small, large, config, manifest: digest, pinned });
  await pushBlob(us, STRANGER, OWN.digest, OWN.bytes);
  await pushImage(us, STRANGER, { digest: OWN.digest, size: OWN.bytes.length }, []);
  for (const region of REGIONS) {
    await pull(cluster.registry(region), OWNER, 'latest');
    await send(cluster.registry(region), 'GET', `/v2/${OWNER}/blobs/${pinned.digest}`);
    await pull(cluster.registry(region), STRANGER, 'latest');
  }
  own = randomBytes(1000);
});
afterAll(() => cluster.dispose());

it('every route by which content can be named has its probes', () => {
  const routes = answeringRoutes({ settings: defaultFrontendSettings } as Frontend, {} as ReadBuffers).map(
    ({ method, path }) => `${method.toUpperCase()} ${path}`,
  );
  const covered = [...probes.map(({ route }) => route), ...Object.keys(otherRoutes)];
  expect(new Set(covered)).toEqual(new Set(routes));
});

describe.each(REGIONS)(
  'in %s another repository’s content looks as if it did not exist to whoever would',
  (region) => {
    it.each(probes.map((probe) => [probe.name, probe] as const))('%s', async (_name, probe) => {
      const registry = cluster.registry(region);
      const asked = Object.values(owned).map(async ({ digest, size }) => {
        const never = `sha256:${createHash('sha256').update(randomBytes(20)).digest('hex')}`;
        const there = told(await probe.ask(registry, digest, size), digest);
        expect(there).toEqual(told(await probe.ask(registry, never, size), never));
      });
      await Promise.all(asked);
    });

    it('read it after all that', async () => {
      for (const { digest } of Object.values(owned)) {
        for (const kind of ['blobs', 'manifests']) {
          const answer = await send(cluster.registry(region), 'GET', `/v2/${STRANGER}/${kind}/${digest}`);
          expect(answer.status).toBe(404);
        }
      }
      await pull(cluster.registry(region), OWNER, 'latest');
    });
  },
);

it('whoever has the bytes himself may upload them as if nobody had, and then read them everywhere', async () => {
  const answers: unknown[] = [];
  const bytesOfOwner = await send(
    cluster.registry('us'),
    'GET',
    `/v2/${OWNER}/blobs/${owned['small']?.digest ?? ''}`,
  );
  for (const bytes of [bytesOfOwner.body, own]) {
    const digest = digestOf(bytes);
    const path = `/v2/${STRANGER}/blobs/uploads/?digest=${digest}`;
    const answer = await send(cluster.registry('eu'), 'POST', path, { body: bytes });
    expect(answer.status).toBe(201);
    answers.push(told(answer, digest));
    for (const region of REGIONS) {
      const read = await send(cluster.registry(region), 'GET', `/v2/${STRANGER}/blobs/${digest}`);
      expect(read.body.equals(bytes)).toBe(true);
    }
  }
  expect(answers[0]).toEqual(answers[1]);
});

it('a mount goes through the repository that has the blob, named or not, and tells of no blob that nobody has', async () => {
  const { digest } = owned['large'] ?? expect.unreachable('nothing was pushed');
  const never = digestOf(randomBytes(20));
  const mount = (repository: string, query: string): Promise<Answer> =>
    send(cluster.registry('ap'), 'POST', `/v2/${repository}/blobs/uploads/?mount=${query}`);
  expect((await mount('mounter/app', `${digest}&from=${OWNER}`)).status).toBe(201);
  expect((await mount('mounter/other', digest)).status).toBe(201);
  for (const query of [never, `${never}&from=${OWNER}`])
    expect((await mount('mounter/app', query)).status).toBe(202);
  for (const region of REGIONS) {
    const statuses = ['mounter/app', 'mounter/other', STRANGER].map(
      async (repository) =>
        (await send(cluster.registry(region), 'HEAD', `/v2/${repository}/blobs/${digest}`)).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 200, 404]);
  }
});

it('an upload of another repository is as unknown as one that never was', async () => {
  const opened = await send(cluster.registry('us'), 'POST', `/v2/${OWNER}/blobs/uploads/`);
  const id = String(opened.headers['docker-upload-uuid']);
  const last = id.endsWith('A') ? 'B' : 'A';
  const never = id.slice(0, -1) + last;
  for (const region of REGIONS) {
    for (const [method, query] of [
      ['GET', ''],
      ['PATCH', ''],
      ['PUT', `?digest=${OWN.digest}`],
      ['DELETE', ''],
    ] as const) {
      const [there, nowhere] = await Promise.all(
        [id, never].map(async (asked) =>
          told(
            await send(cluster.registry(region), method, `/v2/${STRANGER}/blobs/uploads/${asked}${query}`),
            asked,
          ),
        ),
      );
      expect(there?.status).toBe(404);
      expect(there).toEqual(nowhere);
    }
  }
  const status = await send(cluster.registry('us'), 'GET', `/v2/${OWNER}/blobs/uploads/${id}`);
  expect(status.status).toBe(204);
});

/** All that an answer says, but for the time and for the names of what was asked for and of new uploads. */
function told(
  { status, headers, body }: Answer,
  asked: string,
): { status: number; headers: unknown; text: string } {
  const { date: _date, 'meridian-staleness': _staleness, 'meridian-revision': _revision, ...rest } = headers;
  const upload = String(headers['docker-upload-uuid'] ?? 'none');
  const plain = (text: string): string => text.replaceAll(asked, 'DIGEST').replaceAll(upload, 'UPLOAD');
  const entries = Object.entries(rest).map(([name, value]) => [name, plain(String(value))]);
  return { status, headers: Object.fromEntries(entries), text: plain(body.toString()) };
}

async function upload(registry: string, bytes: Buffer): Promise<Content> {
  const digest = digestOf(bytes);
  await pushBlob(registry, OWNER, digest, bytes);
  return { digest, size: bytes.length };
}

async function pushImage(
  registry: string,
  repository: string,
  config: Content,
  layers: readonly Content[],
): Promise<Content> {
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, ...config },
    layers: layers.map((layer) => ({ mediaType: OCI_LAYER, ...layer })),
    annotations: { repository },
  });
  const answer = await send(registry, 'PUT', `/v2/${repository}/manifests/latest`, {
    headers: { 'content-type': OCI_MANIFEST },
    body,
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.body.toString()}`);
  return { digest: digestOf(Buffer.from(body)), size: body.length };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
