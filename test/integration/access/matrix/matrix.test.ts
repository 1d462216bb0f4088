import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { Authentication } from '#services/frontend/auth/authentication.ts';
import type { ReadBuffers } from '#services/frontend/content/read-buffers.ts';
import type { Frontend } from '#services/frontend/frontend.ts';
import { routeTable } from '#services/frontend/routes.ts';
import { REGIONS } from '#test/support/cluster.ts';
import {
  startGuardedCluster,
  until,
  type GuardedCluster,
  type Headers,
} from '#test/support/guarded-cluster.ts';
import { pushBlob, send, type Answer } from '#test/support/registry-client.ts';
import {
  administrator,
  DEAD,
  makePeople,
  NOWHERE,
  PEOPLE,
  REPOSITORY,
  SECRET,
  type By,
  type Person,
} from './people.ts';
import type { Content } from './pushed.ts';
import { OTHER_ROUTES, ROWS, type Row } from './rows.ts';

let cluster: GuardedCluster;
let people: Record<Person, Record<By, Headers>>;
let content: Content;

beforeAll(async () => {
  cluster = await startGuardedCluster();
  const us = cluster.registry('us');
  const admin = administrator(us, cluster.password);
  people = await makePeople(us, admin);
  const own = await pushImage(us, REPOSITORY, ['latest', 'moving'], admin.headers);
  const secret = await pushImage(us, SECRET, ['latest'], admin.headers);
  content = { ...own, secretBlob: secret.blob };
  // In every region, the last that was changed is known, and so is what was pushed.
  for (const region of REGIONS) {
    const registry = cluster.registry(region);
    await until(
      async () => (await send(registry, 'GET', '/v2/', { headers: people.robot.basic })).status === 200,
    );
    await until(
      async () => (await send(registry, 'GET', '/v2/', { headers: people.recreated.bearer })).status === 401,
    );
  }
}, 180_000);
afterAll(() => cluster.dispose());

/** The forms in which content is named, and the rows that name it so. */
const FORMS: Readonly<Record<string, RegExp>> = {
  tag: /^GET .*manifests\/latest$/,
  digest: /^GET .*manifests\/sha256:/,
  HEAD: /^HEAD /,
  Range: /blobs\/sha256:.* range$/,
  referrers: /referrers\/sha256:/,
  upload: /^POST .*uploads\/$/,
  'mount from': /[?&]mount=.*&from=/,
  '?tag=': /^PUT .*manifests\/sha256:[0-9a-f]{64}\?tag=/,
  encoded: /%2F/,
};

it('every form has its rows', () => {
  const asked = ROWS.map((row) => {
    const [method, path, sent] = row.request(REPOSITORY, content);
    return `${method} ${path}${sent?.headers?.['range'] === undefined ? '' : ' range'}`;
  });
  for (const [form, expression] of Object.entries(FORMS))
    expect(
      asked.some((one) => expression.test(one)),
      form,
    ).toBe(true);
});

it('every route has its rows', () => {
  const frontend = { settings: {}, authentication: {} as Authentication } as Frontend;
  const routes = routeTable(frontend, {} as ReadBuffers).map(
    ([method, path]) => `${method.toUpperCase()} ${path}`,
  );
  expect(new Set([...ROWS.map(({ route }) => route), ...OTHER_ROUTES])).toEqual(new Set(routes));
});

describe.each(REGIONS)('in %s', (region) => {
  const cases = PEOPLE.flatMap((who) => (['basic', 'bearer'] as const).map((by) => [who, by] as const));
  it.each(cases)(
    '%s by %s gets what the table says, and else nothing that tells of what there is',
    async (who, by) => {
      const registry = cluster.registry(region);
      const ask = async (row: Row, repository: string): Promise<Answer> => {
        const [method, path, sent = {}] = row.request(repository, content);
        return send(registry, method, path, { ...sent, headers: { ...sent.headers, ...people[who][by] } });
      };
      await inTurns(ROWS, async (row) => {
        const answer = await ask(row, REPOSITORY);
        const told = `${row.route}, ${row.name}: ${answer.status} ${answer.body.toString().slice(0, 200)}`;
        if (row.may.includes(who)) {
          const expected = typeof row.status === 'function' ? row.status(who) : row.status;
          if (expected === undefined) expect([401, 403], told).not.toContain(answer.status);
          else expect(answer.status, told).toBe(expected);
          expect(answer.body.toString(), told).not.toContain('or not to you');
          return;
        }
        expect(answer.status, told).toBe(refusal(row, who, by));
        if (row.about !== 'repository') return;
        expect(shown(await ask(row, NOWHERE), NOWHERE), told).toEqual(shown(answer, REPOSITORY));
      });
    },
    120_000,
  );

  it('the list of repositories holds what each may see', async () => {
    for (const who of PEOPLE) {
      for (const by of ['basic', 'bearer'] as const) {
        const answer = await send(cluster.registry(region), 'GET', '/v2/_catalog?n=1000', {
          headers: people[who][by],
        });
        if (DEAD.includes(who) || (who === 'anonymous' && by === 'basic')) {
          expect(answer.status, `${who} by ${by}`).toBe(401);
          continue;
        }
        const { repositories } = JSON.parse(answer.body.toString()) as { repositories: string[] };
        const expected = { administrator: [SECRET, REPOSITORY], stranger: [], anonymous: [] };
        expect(repositories, `${who} by ${by}`).toEqual(
          who in expected ? expected[who as 'stranger'] : [REPOSITORY],
        );
      }
    }
  });

  it('/v2/ and what is one’s own are for everyone who is someone', async () => {
    for (const who of PEOPLE) {
      for (const by of ['basic', 'bearer'] as const) {
        const headers = people[who][by];
        const isDead = DEAD.includes(who);
        const statusOf = async (path: string): Promise<number> =>
          (await send(cluster.registry(region), 'GET', path, { headers })).status;
        const base = isDead || (who === 'anonymous' && by === 'basic') ? 401 : 200;
        expect([await statusOf('/v2/'), await statusOf('/v2')], `${who} by ${by}`).toEqual([base, base]);
        const own = isDead || who === 'anonymous' ? 401 : 200;
        for (const path of ['self', 'tokens', `can?action=pull&repository=${REPOSITORY}`])
          expect(await statusOf(`/meridian/v1/auth/${path}`), `${who} by ${by}: ${path}`).toBe(own);
        for (const path of ['/healthz', '/meridian/v1/jwks']) expect(await statusOf(path)).toBe(200);
      }
    }
  });
});

/** Whoever could come back with better credentials is told so; who is known and may see the repository is told what he may not. */
function refusal({ about }: Row, who: Person, by: By): number {
  if (by === 'bearer' || who === 'anonymous' || DEAD.includes(who)) return 401;
  if (about === 'registry') return 403;
  return who === 'stranger' ? 404 : 403;
}

/** All that an answer says, but for the time and the name of what was asked for. */
function shown(
  { status, headers, body }: Answer,
  name: string,
): { status: number; headers: unknown; text: string } {
  const plain = (text: string): string =>
    text.replaceAll(name, 'NAME').replaceAll(encodeURIComponent(name), 'NAME');
  const entries = Object.entries(headers)
    .filter(([key]) => key !== 'date')
    .map(([key, value]) => [key, plain(String(value))]);
  return { status, headers: Object.fromEntries(entries), text: plain(body.toString()) };
}

async function inTurns(rows: readonly Row[], ask: (row: Row) => Promise<void>): Promise<void> {
  const next = rows.values();
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      for (const row of next) await ask(row);
    }),
  );
}

async function pushImage(
  registry: string,
  repository: string,
  tags: readonly string[],
  headers: Headers,
): Promise<Omit<Content, 'secretBlob'>> {
  const [config, layer] = [randomBytes(50), randomBytes(500)];
  const [configDigest, blob] = [digestOf(config), digestOf(layer)];
  await pushBlob(registry, repository, configDigest, config, { ...headers });
  await pushBlob(registry, repository, blob, layer, { ...headers });
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: OCI_CONFIG, digest: configDigest, size: config.length },
    layers: [{ mediaType: OCI_LAYER, digest: blob, size: layer.length }],
  });
  for (const tag of tags) {
    const sent = { headers: { ...headers, 'content-type': OCI_MANIFEST }, body };
    const answer = await send(registry, 'PUT', `/v2/${repository}/manifests/${tag}`, sent);
    if (answer.status !== 201) throw new Error(`${answer.status} ${answer.body.toString()}`);
  }
  return { digest: digestOf(Buffer.from(body)), blob, config: { digest: configDigest, size: config.length } };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
