import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import type { EtcdClient, Operation } from '#libs/etcd/store.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { OCI_INDEX } from '#libs/oci/mediatype.ts';
import { parseTag } from '#libs/oci/tag.ts';
import { HEAD_KEY, repositoryKey, tagKey } from '#services/replication/catalog/keys.ts';
import { headRecord, repositoryRecord, tagRecord } from '#services/replication/catalog/records.ts';
import { startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { send, type Answer } from '#test/support/registry-client.ts';

const TAGS = 100_000;
const REPOSITORIES = 10_000;
const PUTS_PER_TRANSACTION = 100;
const WRITERS = 32;
/** The coordinator's port comes so long after the first region's: see services/cluster/plan.ts. */
const COORDINATOR_OFFSET = 99;

const APP = 'lists/app';
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Tags that stand in another order by letters than by bytes, and many of which begin with another. */
const tags = Array.from({ length: TAGS }, (_, i) => {
  const prefix = ['v', 'V', '_', 'a-', 'a.', 'a_', 'a', '1.', 'Z.z-', 'x'.repeat(100)][i % 10] ?? '';
  return `${prefix}${Math.floor(i / 10).toString(i % 3 === 0 ? 10 : 36)}`;
});
const sortedTags = [...new Set(tags)].sort(byBytes);
const names = Array.from({ length: REPOSITORIES }, (_, i) => {
  const prefix = ['r/', 'r', 'r-', 'r.', 'r/a/', 'r__', '0', 'zz/'][i % 8] ?? '';
  return `${prefix}${Math.floor(i / 8)}`;
});
const sortedNames = [...new Set([...names, APP])].sort(byBytes);

let cluster: TestCluster;
let etcd: EtcdClient;
const { signal } = new AbortController();

beforeAll(async () => {
  cluster = await startCluster();
  const us = cluster.registry('us');
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
  const pushed = await send(us, 'PUT', `/v2/${APP}/manifests/${sortedTags[0] ?? ''}`, { body });
  const digest = parseDigest(String(pushed.headers['docker-content-digest']));
  const [catalogId = ''] = String(pushed.headers['meridian-revision']).split(':');

  etcd = connectEtcd({
    endpoints: [`http://127.0.0.1:${Number(us.split(':')[1]) + COORDINATOR_OFFSET}`],
    callTimeoutMs: 30_000,
  });
  const tag = tagRecord.encode({
    digest,
    mediaType: OCI_INDEX,
    size: body.length,
    pushedAtMs: 0,
    pushedBy: '',
  });
  const repository = repositoryRecord.encode({ incarnation: 'x', state: 'active', reads: 'bounded' });
  const app = parseRepositoryName(APP);
  const puts: Operation[] = [
    ...[...new Set(tags)].map((name): Operation => ({
      kind: 'put',
      key: tagKey(app, parseTag(name)),
      value: tag,
    })),
    ...names.map((name): Operation => {
      return { kind: 'put', key: repositoryKey(parseRepositoryName(name)), value: repository };
    }),
  ];
  const revision = await putAll(puts, catalogId);
  for (const region of ['us', 'ap'] as const) {
    let reached = 0;
    while (reached < revision) {
      const { headers } = await send(cluster.registry(region), 'HEAD', '/v2/_catalog?n=1');
      reached = Number(String(headers['meridian-revision']).split(':')[1]);
    }
  }
}, 240_000);
afterAll(async () => {
  etcd.close();
  await cluster.dispose();
});

/** Puts them as pushes do, in transactions that move the head; gives the last revision. */
async function putAll(puts: readonly Operation[], catalogId: string): Promise<number> {
  let next = 0;
  let last = 0;
  const write = async (): Promise<void> => {
    while (next < puts.length) {
      const some = puts.slice(next, (next += PUTS_PER_TRANSACTION));
      const head = headRecord.encode({ catalogId, id: randomUUID() });
      const { revision } = await etcd.txn(
        { then: [...some, { kind: 'put', key: HEAD_KEY, value: head }] },
        signal,
      );
      last = Math.max(last, revision);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  return last;
}

interface List {
  readonly tags?: string[];
  readonly repositories?: string[];
}
const entries = (answer: Answer): string[] => {
  expect(answer.status, answer.body.toString()).toBe(200);
  const { tags, repositories } = JSON.parse(answer.body.toString()) as List;
  return tags ?? repositories ?? expect.unreachable('neither tags nor repositories');
};
const get = (region: RegionName, path: string): Promise<Answer> =>
  send(cluster.registry(region), 'GET', path);
const nextOf = ({ headers }: Answer): string | undefined => {
  if (headers['link'] === undefined) return undefined;
  const [, target] = /^<([^<>\s]+)>; rel="next"$/.exec(String(headers['link'])) ?? [];
  return target ?? expect.unreachable(`a Link without angle brackets: ${String(headers['link'])}`);
};

async function follow(region: RegionName, first: string): Promise<string[][]> {
  const pages: string[][] = [];
  for (let path: string | undefined = first; path !== undefined;) {
    const page = await get(region, path);
    pages.push(entries(page));
    path = nextOf(page);
  }
  return pages;
}

describe.each([
  ['tags', `/v2/${APP}/tags/list`, sortedTags],
  ['repositories', '/v2/_catalog', sortedNames],
] as const)('a hundred thousand tags or ten thousand repositories: %s', (_what, path, sorted) => {
  it.each([
    ['us', 10_000],
    ['ap', 3_333],
    ['ap', 997],
  ] as const)('come from %s in byte order, each once, in pages of %d', async (region, n) => {
    const pages = await follow(region, `${path}?n=${n}`);
    expect(pages.flat()).toEqual(sorted);
    expect(pages.slice(0, -1).every((page) => page.length === n)).toBe(true);
    expect(pages.at(-1)?.length).toBeGreaterThan(0);
  });

  it('come in pages of the largest size where more is asked for, with a Link', async () => {
    const page = await get('us', `${path}?n=1000000`);
    expect(entries(page)).toEqual(sorted.slice(0, 10_000));
    expect(nextOf(page) !== undefined).toBe(sorted.length > 10_000);
  });

  it('go on after last, which need not exist and may be anything', async () => {
    const lasts = ['', '!', '/', 'a', 'a-', 'a/', 'm m', 'r', 'r/', 'x"<>;&#%', '\0', '\u{10ffff}', 'é', '~'];
    for (const last of [...lasts, sorted.at(5000) ?? '', sorted.at(-2) ?? '', sorted.at(-1) ?? '']) {
      const rest = sorted.filter((name) => byBytes(name, last) > 0);
      for (const region of ['us', 'ap'] as const) {
        const page = await get(region, `${path}?n=3&last=${encodeURIComponent(last)}`);
        expect(entries(page), last).toEqual(rest.slice(0, 3));
        const next = nextOf(page);
        expect(next !== undefined, last).toBe(rest.length > 3);
        if (next !== undefined) expect(entries(await get(region, next)), last).toEqual(rest.slice(3, 6));
      }
    }
  });

  it('are none for n=0 and past the end, without a Link', async () => {
    for (const query of ['n=0', 'last=~', 'n=0&last=a', 'n=5&last=~~~']) {
      const page = await get('ap', `${path}?${query}`);
      expect([entries(page), page.headers['link']]).toEqual([[], undefined]);
    }
  });
});
