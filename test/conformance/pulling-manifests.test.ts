import { beforeAll, describe } from 'vitest';
import { digestOf, image, indexOf, pushContent, rootOf, type Piece } from '#test/support/content.ts';
import { itAnswers, NOTHING, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
function reads(what: string, reference: string, { bytes, digest, mediaType }: Piece): Exchange[] {
  const path = `/v2/<name>/manifests/${reference}`;
  const byDigest = /^sha\d+(:|%3A)/.test(reference);
  const headers = {
    'docker-content-digest': digest,
    'content-length': String(bytes.length),
    'content-type': mediaType,
    'content-encoding': undefined,
    etag: `"${digest}"`,
    'cache-control': byDigest ? /immutable/ : 'no-cache',
  };
  const get = { request: `GET ${path}`, status: 200, headers, body: bytes };
  const unchanged = { status: 304, headers: { etag: `"${digest}"` }, body: NOTHING };
  const given = (name: string, value: string): Pick<Exchange, 'sent'> => ({
    sent: { headers: { [name]: value } },
  });
  return [
    { ...get, name: `GET of ${what}` },
    { ...get, name: `HEAD of ${what}`, request: `HEAD ${path}`, body: NOTHING },
    { ...get, name: `GET of ${what}, accepting anything`, ...given('accept', '*/*') },
    { ...get, name: `GET of ${what}, accepting its type`, ...given('accept', mediaType) },
    { ...get, name: `GET of ${what}, accepting another type only`, ...given('accept', 'text/html') },
    {
      ...get,
      name: `GET of ${what}, accepting compressed bodies`,
      ...given('accept-encoding', 'zstd, gzip'),
    },
    { ...get, name: `GET of ${what}, with a query of no meaning`, request: `GET ${path}?ns=example.org` },
    { ...get, name: `GET of ${what}, having another`, ...given('if-none-match', `"${digestOf('other')}"`) },
    { ...get, name: `GET of ${what}, having it`, ...given('if-none-match', `"${digest}"`), ...unchanged },
    {
      name: `HEAD of ${what}, having it`,
      request: `HEAD ${path}`,
      ...given('if-none-match', `"${digest}"`),
      ...unchanged,
    },
  ];
}

describe.each(routes)('pulling manifests, $name', (route) => {
  const repository = route.repository('conformance/pulling-manifests');
  const one = image(repository);
  const two = image(`${repository}/512`, { algorithm: 'sha512' });
  const both = indexOf([one, two]);
  const pushed = [
    { content: both, reference: 'latest' },
    { content: two, reference: rootOf(two).digest },
    { content: one, reference: '_UPPER.lower-0_' },
    { content: one, reference: 'x'.repeat(128) },
  ];
  beforeAll(async () => {
    for (const { content, reference } of pushed) {
      await pushContent(route.write, repository, content, reference);
    }
  });

  itAnswers(route.read, repository, [
    ...reads('an index by tag', 'latest', rootOf(both)),
    ...reads('an index by digest', rootOf(both).digest, rootOf(both)),
    ...reads('an image by tag', '_UPPER.lower-0_', rootOf(one)),
    ...reads('an image by the longest tag', 'x'.repeat(128), rootOf(one)),
    ...reads('an image by digest', rootOf(one).digest, rootOf(one)),
    ...reads('an image by sha512 digest', rootOf(two).digest, rootOf(two)),
    ...reads('an image by escaped digest', rootOf(one).digest.replace(':', '%3A'), rootOf(one)).slice(0, 1),
  ]);
});
