import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage, startTestFrontend, type TestFrontend } from '#test/contract/frontend/harness.ts';
import { image, pushContent } from '#test/support/content.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { send, type Answer } from '#test/support/registry-client.ts';
import { registry, STRONG } from '#test/support/routes.ts';

const TAGS = ['1.10', '1.2', 'B', '_', 'a', 'b'];
const tagsOf = ({ body }: Answer): string[] => (JSON.parse(body.toString()) as { tags: string[] }).tags;
const linkOf = ({ headers }: Answer): string | undefined => headers['link']?.toString();

describe('lists of tags', () => {
  const list = (query: string): Promise<Answer> =>
    send(registry('eu'), 'GET', `/v2/protocol/lists/tags/list${query}`, { headers: STRONG });
  beforeAll(async () => {
    await pushContent(registry('us'), 'protocol/lists', image('protocol/lists'), ...TAGS.toReversed());
  });

  it('?n=&last= is exclusive and sorted (bytewise)', async () => {
    expect(tagsOf(await list(''))).toEqual(TAGS);
    expect(tagsOf(await list('?n=2&last=1.2'))).toEqual(['B', '_']);
    expect(tagsOf(await list('?n=2&last=1.20'))).toEqual(['B', '_']);
  });
  it('Link: <url>; rel="next" has the angle brackets', async () => {
    expect(linkOf(await list('?n=2'))).toBe('</v2/protocol/lists/tags/list?n=2&last=1.2>; rel="next"');
  });
  it('fewer than n items come only together with Link or at the end', async () => {
    for (const n of [1, 2, 3, 4, 5, 6, 7]) {
      let last = '';
      for (let link: string | undefined = 'first'; link !== undefined;) {
        const page = await list(`?n=${n}${last === '' ? '' : `&last=${last}`}`);
        link = linkOf(page);
        last = tagsOf(page).at(-1) ?? '';
        expect(tagsOf(page).length === n || link !== undefined || last === TAGS.at(-1)).toBe(true);
      }
      expect(last).toBe(TAGS.at(-1));
    }
  });
  it('n=0 gives an empty list without Link', async () => {
    const page = await list('?n=0');
    expect([page.status, tagsOf(page), linkOf(page)]).toEqual([200, [], undefined]);
  });
  it('past the end it is [], never null', async () => {
    const page = await list('?last=zzz');
    expect(page.body.toString()).toBe('{"name":"protocol/lists","tags":[]}');
  });

  describe('longer than a page may be', () => {
    let small: TestFrontend;
    beforeAll(async () => {
      const { us } = memoryRegions('us');
      small = await startTestFrontend(us, { settings: { maxPageSize: 2, defaultPageSize: 2 } });
      for (const tag of ['a', 'b', 'c']) await pushImage(small, 'protocol/long', tag);
    });
    afterAll(() => small.stop());

    it('too large an n is clamped with a Link, not an error', async () => {
      for (const n of ['3', '100000', '99999999999999999999']) {
        const page = await small.send('GET', `/v2/protocol/long/tags/list?n=${n}`);
        expect([page.status, tagsOf(page)]).toEqual([200, ['a', 'b']]);
        expect(linkOf(page)).toBe('</v2/protocol/long/tags/list?n=2&last=b>; rel="next"');
      }
    });
  });
});
