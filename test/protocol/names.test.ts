import { beforeAll, describe, expect, it } from 'vitest';
import { image, pushContent, rootOf } from '#test/support/content.ts';
import { exchange } from '#test/support/exchange.ts';
import { send } from '#test/support/registry-client.ts';
import { registry, STRONG } from '#test/support/routes.ts';

const [us, eu] = [registry('us'), registry('eu')];

describe('names', () => {
  it.each([
    ['GET', '/v2/protocol%2F..%2Fetc/manifests/latest', 'NAME_INVALID'],
    ['GET', '/v2/protocol%2Fnames%2F/tags/list', 'NAME_INVALID'],
    ['GET', '/v2/%2Fprotocol/tags/list', 'NAME_INVALID'],
    ['PUT', '/v2/protocol/names/manifests/..%2F..%2Fx', 'TAG_INVALID'],
    ['GET', '/v2/protocol/names/manifests/a%2Fb', 'TAG_INVALID'],
    ['GET', '/v2/protocol/names/manifests/a%00', 'TAG_INVALID'],
    ['GET', '/v2/protocol/names/blobs/sha256%2F..%2F..%2Fx', 'DIGEST_INVALID'],
    ['POST', '/v2/protocol%2FUPPER/blobs/uploads/', 'NAME_INVALID'],
  ] as const)(
    '%%2F in a path decodes into names: validated by grammar before anything else: %s %s',
    async (method, path, code) => {
      await exchange(us, '', { name: path, request: `${method} ${path}`, status: 400, code });
    },
  );

  it('an escaped slash between two parts of a name is that slash', async () => {
    const content = image('protocol/escaped');
    await pushContent(us, 'protocol/escaped', content, 'latest');
    const request = 'GET /v2/protocol%2Fescaped/manifests/latest';
    await exchange(eu, '', { name: 'escaped', request, status: 200, body: rootOf(content).bytes });
  });

  describe("prefix-named tags and repositories (a, a/b, ab) don't hide each other", () => {
    const base = 'protocol/prefix';
    const repositories = ['a', 'a/b', 'ab', 'a/b/c', 'a/manifests', 'a/tags/list', 'a/blobs/uploads'].map(
      (name) => `${base}/${name}`,
    );
    const tags = ['a', 'a-b', 'a.b', 'ab', 'b'];
    beforeAll(async () => {
      for (const name of repositories) {
        for (const tag of tags) await pushContent(us, name, image(`${name}:${tag}`, { layers: 1 }), tag);
      }
    });

    it('each gives its own', async () => {
      for (const name of repositories) {
        for (const tag of tags) {
          const { digest } = rootOf(image(`${name}:${tag}`, { layers: 1 }));
          const found = await send(eu, 'HEAD', `/v2/${name}/manifests/${tag}`);
          expect([name, tag, found.headers['docker-content-digest']]).toEqual([name, tag, digest]);
        }
        const listed = await send(eu, 'GET', `/v2/${name}/tags/list`, { headers: STRONG });
        expect(JSON.parse(listed.body.toString())).toEqual({ name, tags });
      }
    });
    it('each is deleted alone', async () => {
      expect((await send(us, 'DELETE', `/v2/${base}/a/manifests/a`)).status).toBe(202);
      for (const name of repositories) {
        const listed = await send(eu, 'GET', `/v2/${name}/tags/list`, { headers: STRONG });
        const left = name === `${base}/a` ? tags.slice(1) : tags;
        expect(JSON.parse(listed.body.toString())).toEqual({ name, tags: left });
      }
    });
  });
});
