import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import { errorCode, json, pushImage, sha256, startTestFrontend, type TestFrontend } from './harness.ts';

const TAGS = ['1', '10', '2', 'A', 'Z', '_x', 'a', 'a-b', 'ab', 'b'];
const subject = { mediaType: OCI_MANIFEST, digest: sha256(Buffer.from('subject')), size: 7 };

let us: TestFrontend;
beforeAll(async () => {
  const { us: region } = memoryRegions('us');
  us = await startTestFrontend(region, { settings: { defaultPageSize: 6, maxPageSize: 8 } });
  const { bytes } = await pushImage(us, 'lists/app', 'b');
  for (const tag of TAGS.toReversed()) {
    await us.send('PUT', `/v2/lists/app/manifests/${tag}`, {
      body: bytes,
      headers: { 'content-type': OCI_MANIFEST },
    });
  }
  for (const name of ['a', 'a/b', 'a-b', 'zz']) await pushImage(us, name, 'x');
  for (const artifactType of ['application/x.sbom', 'application/x.sig', '']) {
    await pushImage(us, 'lists/referrers', `tag${artifactType.length}`, {
      extra: { subject, artifactType, annotations: { kind: artifactType } },
    });
  }
});
afterAll(async () => {
  await us.stop();
  expect(us.faults).toEqual([]);
});

const get = (path: string): Promise<Answer> => us.send('GET', path);
const tagsOf = (answer: Answer): string[] => (json(answer) as { tags: string[] }).tags;
const nextOf = (answer: Answer): string | undefined =>
  /^<([^>]+)>; rel="next"$/.exec(String(answer.headers['link']))?.[1];

async function allPages(path: string): Promise<Answer[]> {
  const pages: Answer[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const page = await get(next);
    pages.push(page);
    if (pages.length > 20) throw new Error('the pages have no end');
    next = nextOf(page);
  }
  return pages;
}

describe('tags', () => {
  it.each([1, 3, 5, 10])('come in byte order, in pages of %d that links lead through', async (n) => {
    const pages = await allPages(`/v2/lists/app/tags/list?n=${n}`);
    expect(pages.flatMap(tagsOf)).toEqual(TAGS);
    expect(pages.map(tagsOf).every((tags) => tags.length <= n)).toBe(true);
    expect(pages).toHaveLength(Math.ceil(TAGS.length / Math.min(n, 8)));
    expect(pages.map(json)).toMatchObject(pages.map(() => ({ name: 'lists/app' })));
  });

  it('come in pages of the default size, and no larger than the largest', async () => {
    expect(tagsOf(await get('/v2/lists/app/tags/list'))).toEqual(TAGS.slice(0, 6));
    const clamped = await get('/v2/lists/app/tags/list?n=99999999999999999999');
    expect(clamped.status).toBe(200);
    expect(tagsOf(clamped)).toHaveLength(8);
    expect(nextOf(clamped)).toBe('/v2/lists/app/tags/list?n=8&last=a-b');
  });

  it('begin after last, which need not exist', async () => {
    expect(tagsOf(await get('/v2/lists/app/tags/list?n=3&last=a-'))).toEqual(['a-b', 'ab', 'b']);
    expect(tagsOf(await get('/v2/lists/app/tags/list?n=3&last=a-b'))).toEqual(['ab', 'b']);
    const past = await get('/v2/lists/app/tags/list?last=zzz');
    expect(json(past)).toEqual({ name: 'lists/app', tags: [] });
    expect(past.headers['link']).toBeUndefined();
  });

  it('are none, without a link, for n=0', async () => {
    const answer = await get('/v2/lists/app/tags/list?n=0');
    expect(json(answer)).toEqual({ name: 'lists/app', tags: [] });
    expect(answer.headers['link']).toBeUndefined();
    expect((await get('/v2/lists/none/tags/list?n=0')).status).toBe(404);
  });

  it.each(['-1', 'x', '1.5', '', '0x10'])('are refused for n=%s', async (n) => {
    const answer = await get(`/v2/lists/app/tags/list?n=${n}`);
    expect(answer.status).toBe(400);
    expect(errorCode(answer)).toBe('PAGINATION_NUMBER_INVALID');
  });

  it('are 404 for a repository that is not there', async () => {
    const answer = await get('/v2/lists/none/tags/list');
    expect(answer.status).toBe(404);
    expect(errorCode(answer)).toBe('NAME_UNKNOWN');
  });

  it('tell the revision they were read at, and answer HEAD', async () => {
    const answer = await us.send('HEAD', '/v2/lists/app/tags/list');
    expect(answer.status).toBe(200);
    expect(answer.headers['meridian-revision']).toMatch(/^memory:\d+$/);
    expect(answer.body.length).toBe(0);
  });
});

describe('repositories', () => {
  it('come in byte order and pages', async () => {
    const pages = await allPages('/v2/_catalog?n=2');
    const names = pages.flatMap((page) => (json(page) as { repositories: string[] }).repositories);
    expect(names).toEqual(['a', 'a-b', 'a/b', 'lists/app', 'lists/referrers', 'zz']);
    expect(json(await get('/v2/_catalog?last=zz'))).toEqual({ repositories: [] });
  });
});

describe('referrers', () => {
  const path = `/v2/lists/referrers/referrers/${subject.digest}`;
  interface Index {
    schemaVersion: number;
    mediaType: string;
    manifests: { digest: string; artifactType?: string; annotations?: Record<string, string> }[];
  }

  it('come as an index with types and annotations', async () => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe(OCI_INDEX);
    expect(answer.headers['oci-filters-applied']).toBeUndefined();
    const index = json(answer) as Index;
    expect(index).toMatchObject({ schemaVersion: 2, mediaType: OCI_INDEX });
    expect(index.manifests.map(({ artifactType }) => artifactType).sort()).toEqual(
      ['application/x.sbom', 'application/x.sig', OCI_CONFIG].sort(),
    );
    expect(index.manifests.every(({ annotations }) => annotations?.['kind'] !== undefined)).toBe(true);
  });

  it('can be filtered and paged', async () => {
    const filtered = await get(`${path}?artifactType=application/x.sig`);
    expect(filtered.headers['oci-filters-applied']).toBe('artifactType');
    expect((json(filtered) as Index).manifests.map(({ artifactType }) => artifactType)).toEqual([
      'application/x.sig',
    ]);
    const pages = await allPages(`${path}?n=1`);
    expect(
      new Set(pages.flatMap((page) => (json(page) as Index).manifests.map(({ digest }) => digest))),
    ).toHaveLength(3);
    expect(pages).toHaveLength(3);
  });

  it('are an empty index where there are none, for unknown repositories too', async () => {
    for (const name of ['lists/app', 'lists/none']) {
      const answer = await get(`/v2/${name}/referrers/${subject.digest}`);
      expect(answer.status).toBe(200);
      expect(json(answer)).toEqual({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] });
    }
  });

  it('are 400 for what is no digest', async () => {
    const answer = await get('/v2/lists/app/referrers/sha256:short');
    expect(answer.status).toBe(400);
    expect(errorCode(answer)).toBe('DIGEST_INVALID');
  });
});
