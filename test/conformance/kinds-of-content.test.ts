import { describe, it } from 'vitest';
import { pushContent, rootOf } from '#test/support/content.ts';
import { exchange, NOTHING } from '#test/support/exchange.ts';
import { acrossRegions, STRONG } from '#test/support/routes.ts';
import { kinds } from './kinds.ts';

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
describe.each(acrossRegions)('kinds of content, $name and where it was written', (route) => {
  const repository = route.repository('conformance/kinds-of-content');

  it.each(Object.keys(kinds))('%s is pushed and pulled whole, by tag and by digest', async (kind) => {
    const content = kinds[kind]?.(`${repository}/${kind}`) ?? { blobs: [], manifests: [] };
    const tag = kind.replaceAll(/[^A-Za-z0-9]+/g, '-');
    const root = rootOf(content);
    // What is pushed by tag alone gets a sha256 digest.
    const references = root.digest.startsWith('sha256:') ? [tag] : [];
    await pushContent(route.write, repository, content, root.digest, ...references);

    const paths = [
      ...references.map((reference) => [`manifests/${reference}`, root] as const),
      ...content.manifests.map((manifest) => [`manifests/${manifest.digest}`, manifest] as const),
      ...content.blobs.map((blob) => [`blobs/${blob.digest}`, blob] as const),
    ];
    const pulls = paths.flatMap(([path, { bytes, digest, mediaType }]) => {
      const headers = {
        'content-type': path.startsWith('blobs/') ? 'application/octet-stream' : mediaType,
        'content-length': String(bytes.length),
        'docker-content-digest': digest,
      };
      const pull = { name: path, status: 200, headers };
      return [
        { ...pull, request: `HEAD /v2/<name>/${path}`, body: NOTHING },
        { ...pull, request: `GET /v2/<name>/${path}`, body: bytes },
      ];
    });
    for (const registry of [route.read, route.write]) {
      await Promise.all(pulls.map((pull) => exchange(registry, repository, pull)));
    }
    for (const reference of references) {
      await exchange(route.read, repository, {
        name: 'tag list',
        request: `GET /v2/<name>/tags/list?n=1&last=${reference.slice(0, -1)}`,
        sent: { headers: STRONG },
        status: 200,
        body: { name: '<name>', tags: [reference] },
      });
    }
  });
});
