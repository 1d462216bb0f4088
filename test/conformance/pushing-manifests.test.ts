import { beforeAll, describe, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { digestOf, image, piece, pushBlob, rootOf, type Piece } from '#test/support/content.ts';
import { exchange, itAnswers, NOTHING, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

const created = (digest: string): Pick<Exchange, 'status' | 'headers' | 'body'> => ({
  status: 201,
  headers: {
    location: `/v2/<name>/manifests/${digest}`,
    'docker-content-digest': digest,
    'oci-subject': undefined,
    'meridian-revision': /^[\w-]+:\d+$/,
    'meridian-durable-regions': /^\w+,\w+/,
  },
  body: NOTHING,
});

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
describe.each(routes)('pushing manifests, $name', (route) => {
  const repository = route.repository('conformance/pushing-manifests');
  const content = image(repository);
  const { bytes, digest } = rootOf(content);
  const sha512 = digestOf(bytes, 'sha512');
  const empty = piece(`{"schemaVersion":2,"manifests":[]}`, OCI_INDEX);
  beforeAll(async () => {
    for (const blob of content.blobs) await pushBlob(route.write, repository, blob);
  });

  const put = (reference: string, type?: string, body = bytes): Pick<Exchange, 'request' | 'sent'> => ({
    request: `PUT /v2/<name>/manifests/${reference}`,
    sent: { body, ...(type === undefined ? {} : { headers: { 'content-type': type } }) },
  });
  itAnswers(route.write, repository, [
    { name: 'takes it by tag', ...put('1.0', OCI_MANIFEST), ...created(digest) },
    { name: 'takes it by tag again', ...put('1.0', OCI_MANIFEST), ...created(digest) },
    { name: 'takes it by digest', ...put(digest, OCI_MANIFEST), ...created(digest) },
    {
      name: 'takes it by escaped digest',
      ...put(encodeURIComponent(digest), OCI_MANIFEST),
      ...created(digest),
    },
    { name: 'takes it by sha512 digest', ...put(sha512, OCI_MANIFEST), ...created(sha512) },
    {
      name: 'ignores parameters of its type',
      ...put('2.0', `${OCI_MANIFEST}; charset=utf-8`),
      ...created(digest),
    },
    { name: 'takes its type from its body', ...put('3.0'), ...created(digest) },
    {
      name: 'takes its type from the header',
      ...put('4.0', OCI_INDEX, empty.bytes),
      ...created(empty.digest),
    },
    { name: 'moves a tag', ...put('4.0', OCI_MANIFEST), ...created(digest) },
  ]);

  const pull = (reference: string, expected: string): Exchange => ({
    name: `then ${reference.replace(digest, 'its digest').replace(sha512, 'its sha512 digest')} is there`,
    request: `GET /v2/<name>/manifests/${reference}`,
    sent: { headers: { 'meridian-consistency': 'strong' } },
    status: 200,
    headers: { 'docker-content-digest': expected, 'content-type': OCI_MANIFEST },
    body: bytes,
  });
  itAnswers(route.read, repository, [
    ...['1.0', '2.0', '3.0', '4.0', digest].map((reference) => pull(reference, digest)),
    pull(sha512, sha512),
  ]);
});

/** https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests: the `tag` parameters */
describe.each(routes)('pushing a manifest with its tags, $name', (route) => {
  const repository = route.repository('conformance/tag-parameters');
  const put = async ({ bytes, digest }: Piece, tags: string[], told: string): Promise<void> => {
    const query = tags.map((tag) => `tag=${tag}`).join('&');
    const headers = { ...created(digest).headers, 'oci-tag': told };
    const request = `PUT /v2/<name>/manifests/${digest}?${query}`;
    const sent = { body: bytes, headers: { 'content-type': OCI_MANIFEST } };
    await exchange(route.write, repository, { name: 'put', request, sent, status: 201, headers });
  };

  it.each(['sha256', 'sha512'] as const)('sets all of them and tells which, %s', async (algorithm) => {
    const content = image(`${repository}/${algorithm}`, { algorithm });
    for (const blob of content.blobs) await pushBlob(route.write, repository, blob);
    const { bytes, digest } = rootOf(content);
    const tags = Array.from({ length: 12 }, (_, i) => `${algorithm}-${i}`);
    await put(rootOf(content), [...tags, `${algorithm}-0`], tags.join(', '));
    for (const tag of tags) {
      const request = `GET /v2/<name>/manifests/${tag}`;
      const headers = { 'docker-content-digest': digest };
      await exchange(route.read, repository, { name: tag, request, status: 200, headers, body: bytes });
    }
  });

  it('sets none of them where one is no tag or they are too many', async () => {
    const content = image(`${repository}/refused`);
    for (const blob of content.blobs) await pushBlob(route.write, repository, blob);
    const { bytes, digest } = rootOf(content);
    const many = Array.from({ length: 51 }, (_, i) => `tag=many-${i}`).join('&');
    const sent = { body: bytes, headers: { 'content-type': OCI_MANIFEST } };
    for (const [query, status] of [
      ['tag=fine&tag=not%20fine', 400],
      [many, 413],
    ] as const) {
      const request = `PUT /v2/<name>/manifests/${digest}?${query}`;
      await exchange(route.write, repository, { name: query, request, sent, status });
    }
    for (const tag of ['fine', 'many-0', digest]) {
      const request = `GET /v2/<name>/manifests/${tag}`;
      await exchange(route.read, repository, { name: tag, request, status: 404 });
    }
  });
});
