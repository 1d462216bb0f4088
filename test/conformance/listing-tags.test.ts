import { beforeAll, describe, expect, it } from 'vitest';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { image, pushContent, rootOf } from '#test/support/content.ts';
import { itAnswers, type Exchange } from '#test/support/exchange.ts';
import { send } from '#test/support/registry-client.ts';
import { routes, STRONG } from '#test/support/routes.ts';

/** In byte order, which is neither a dictionary's nor that of numbers. */
const TAGS = ['0', '1.10', '1.2', 'A', 'B', 'Z', '_', 'a', 'a-', 'a-b', 'a.b', 'aa', 'b', 'latest', 'z'];

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
describe.each(routes)('listing tags, $name', (route) => {
  const repository = route.repository('conformance/listing-tags');
  const untagged = `${repository}/untagged`;
  beforeAll(async () => {
    const content = image(repository);
    await pushContent(route.write, untagged, content);
    await pushContent(route.write, repository, content);
    const { bytes, digest } = rootOf(content);
    for (const tags of [TAGS.slice(0, 7), TAGS.slice(7)].map((half) => half.toReversed())) {
      const path = `/v2/${repository}/manifests/${digest}?${tags.map((tag) => `tag=${tag}`).join('&')}`;
      const headers = { 'content-type': OCI_MANIFEST };
      const put = await send(route.write, 'PUT', path, { body: bytes, headers });
      expect(put.status).toBe(201);
    }
  });

  const next = (n: number, last: string): string => `</v2/<name>/tags/list?n=${n}&last=${last}>; rel="next"`;
  const list = (query: string, tags: string[], link?: string): Exchange => ({
    name: `${query === '' ? 'without a query' : query} gives ${tags.length} of ${TAGS.length}`,
    request: `GET /v2/<name>/tags/list${query}`,
    sent: { headers: STRONG },
    status: 200,
    headers: { 'content-type': 'application/json', link },
    body: { name: '<name>', tags },
  });
  const invalid = (n: string): Exchange => ({
    name: `n=${n} is 400`,
    request: `GET /v2/<name>/tags/list?n=${n}`,
    status: 400,
    code: 'PAGINATION_NUMBER_INVALID',
  });
  itAnswers(route.read, repository, [
    list('', TAGS),
    list('?n=3', TAGS.slice(0, 3), next(3, '1.2')),
    list('?n=3&last=1.2', TAGS.slice(3, 6), next(3, 'Z')),
    list('?n=1&last=A', ['B'], next(1, 'B')),
    list(`?n=${TAGS.length}`, TAGS),
    list(`?n=${TAGS.length - 1}`, TAGS.slice(0, -1), next(TAGS.length - 1, 'latest')),
    list('?n=100', TAGS),
    list('?n=999999999999', TAGS),
    list('?n=0', []),
    list('?n=0&last=a', []),
    list('?last=b', ['latest', 'z']),
    list('?last=ab', ['b', 'latest', 'z']),
    list('?n=5&last=latest', ['z']),
    list('?last=z', []),
    list('?last=zz&n=5', []),
    ...['', '-1', 'x', '1.5', '0x10'].map(invalid),
  ]);

  it('a page leads to the next until the end', async () => {
    const seen: string[] = [];
    let path: string | undefined = `/v2/${repository}/tags/list?n=4`;
    while (path !== undefined) {
      const answer = await send(route.read, 'GET', path, { headers: STRONG });
      seen.push(...(JSON.parse(answer.body.toString()) as { tags: string[] }).tags);
      path = /^<(.+)>; rel="next"$/.exec(answer.headers['link']?.toString() ?? '')?.[1];
    }
    expect(seen).toEqual(TAGS);
  });

  describe('of a repository without tags', () => {
    const none = { request: 'GET /v2/<name>/tags/list', sent: { headers: STRONG }, status: 200 };
    itAnswers(route.read, untagged, [
      {
        name: 'gives an empty list',
        ...none,
        headers: { link: undefined },
        body: { name: '<name>', tags: [] },
      },
    ]);
  });
});
