import { beforeAll, describe, expect, it } from 'vitest';
import { image, pushContent } from '#test/support/content.ts';
import { itAnswers } from '#test/support/exchange.ts';
import { send } from '#test/support/registry-client.ts';
import { routes, STRONG } from '#test/support/routes.ts';

// Docker's: https://distribution.github.io/distribution/spec/api/#listing-repositories
describe.each(routes)('listing repositories, $name', (route) => {
  const base = route.repository('conformance/listing-repositories');
  // Byte order: a dash and a dot come before a slash.
  const names = ['a', 'a-b', 'a.b', 'a/b', 'ab'].map((name) => `${base}/${name}`);
  beforeAll(async () => {
    for (const name of names.toReversed()) await pushContent(route.write, name, image(name), 'latest');
  });

  it('gives them in byte order, page by page', async () => {
    const seen: string[] = [];
    let path: string | undefined = `/v2/_catalog?n=2&last=${base}`;
    while (path !== undefined && seen.length < names.length) {
      const answer = await send(route.read, 'GET', path, { headers: STRONG });
      expect(answer.status).toBe(200);
      seen.push(...(JSON.parse(answer.body.toString()) as { repositories: string[] }).repositories);
      path = /^<(.+)>; rel="next"$/.exec(answer.headers['link']?.toString() ?? '')?.[1];
    }
    expect(seen.slice(0, names.length)).toEqual(names);
  });

  const catalog = 'GET /v2/_catalog';
  itAnswers(route.read, base, [
    {
      name: 'gives none for n=0',
      request: `${catalog}?n=0`,
      status: 200,
      headers: { link: undefined },
      body: { repositories: [] },
    },
    {
      name: 'gives none past the end',
      request: `${catalog}?last=zzzz`,
      status: 200,
      headers: { link: undefined },
      body: { repositories: [] },
    },
    {
      name: 'refuses an n that is none',
      request: `${catalog}?n=x`,
      status: 400,
      code: 'PAGINATION_NUMBER_INVALID',
    },
  ]);
});
