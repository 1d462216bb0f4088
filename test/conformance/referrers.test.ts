import { beforeAll, describe, expect, it } from 'vitest';
import { OCI_EMPTY, OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import {
  descriptor,
  digestOf,
  image,
  indexOf,
  piece,
  pushContent,
  rootOf,
  type Content,
} from '#test/support/content.ts';
import { exchange, itAnswers, type Exchange } from '#test/support/exchange.ts';
import { send } from '#test/support/registry-client.ts';
import { routes, STRONG } from '#test/support/routes.ts';

const SBOM = 'application/vnd.example.sbom.v1';
const SIGNATURE = 'application/vnd.example.signature.v1';

/** What refers to an image in every way there is, and what the list of referrers says of each. */
function referrersTo(subject: object, seed: string): { content: Content; listed: object }[] {
  const empty = descriptor(piece('{}', OCI_EMPTY));
  const annotations = { 'org.example.seed': seed, 'org.example.text': 'ä "quoted" 🦫' };
  const artifact = (fields: object): Content => {
    const value = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: empty,
      layers: [empty],
      subject,
      ...fields,
    };
    return { blobs: [piece('{}', OCI_EMPTY)], manifests: [piece(JSON.stringify(value), OCI_MANIFEST)] };
  };
  const all: [Content, object][] = [
    [artifact({ artifactType: SBOM, annotations }), { artifactType: SBOM, annotations }],
    [artifact({ artifactType: SIGNATURE }), { artifactType: SIGNATURE }],
    [artifact({ config: { ...empty, mediaType: SBOM } }), { artifactType: SBOM }],
    [image(seed, { manifest: { subject } }), { artifactType: 'application/vnd.oci.image.config.v1+json' }],
    [
      indexOf([image(seed)], { subject, artifactType: SIGNATURE, annotations }),
      { artifactType: SIGNATURE, annotations },
    ],
    [indexOf([], { subject }), {}],
  ];
  return all.map(([content, fields]) => ({ content, listed: { ...descriptor(rootOf(content)), ...fields } }));
}

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
describe.each(routes)('referrers, $name', (route) => {
  const repository = route.repository('conformance/referrers');
  const subjects = {
    'an image': rootOf(image(repository)),
    'an image by its sha512 digest': rootOf(image(`${repository}/512`, { algorithm: 'sha512' })),
    'nothing that is there': piece(`absent ${repository}`, OCI_MANIFEST),
  };
  beforeAll(async () => {
    await pushContent(route.write, repository, image(repository));
    await pushContent(route.write, repository, image(`${repository}/512`, { algorithm: 'sha512' }));
  });

  describe.each(Object.entries(subjects))('to %s', (what, subject) => {
    const referrers = referrersTo(descriptor(subject), `${repository}/${what}`);
    const path = `/v2/<name>/referrers/${subject.digest}`;
    const asIndex = (manifests: object[]): object => ({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
    const byDigest = (a: object, b: object): number =>
      (a as { digest: string }).digest < (b as { digest: string }).digest ? -1 : 1;
    const all = referrers.map(({ listed }) => listed).sort(byDigest);
    const ofType = (type: string): object[] =>
      all.filter((listed) => (listed as { artifactType?: string }).artifactType === type);

    it('are none before they are pushed, and then each is answered with OCI-Subject', async () => {
      const none = { name: 'none', request: `GET ${path}`, sent: { headers: STRONG }, status: 200 };
      await exchange(route.read, repository, { ...none, body: asIndex([]) });
      for (const { content } of referrers) {
        const { headers } = await pushContent(route.write, repository, content);
        expect(headers['oci-subject']).toBe(subject.digest);
      }
    });

    const list = (query: string, manifests: object[], headers: Exchange['headers'] = {}): Exchange => ({
      name: `are listed${query === '' ? '' : ` by ${query}`}`,
      request: `GET ${path}${query}`,
      sent: { headers: STRONG },
      status: 200,
      headers: { 'content-type': OCI_INDEX, link: undefined, ...headers },
      body: asIndex(manifests),
    });
    const filtered = { 'oci-filters-applied': 'artifactType' };
    itAnswers(route.read, repository, [
      list('', all, { 'oci-filters-applied': undefined }),
      list(`?artifactType=${SBOM}`, ofType(SBOM), filtered),
      list(`?artifactType=${encodeURIComponent(SIGNATURE)}`, ofType(SIGNATURE), filtered),
      list('?artifactType=application/none', [], filtered),
    ]);

    it.each(['', `artifactType=${SBOM}`])('come in pages that lead to one another %s', async (filter) => {
      const seen: object[] = [];
      let next: string | undefined = `/v2/${repository}/referrers/${subject.digest}?n=2&${filter}`;
      while (next !== undefined) {
        const answer = await send(route.read, 'GET', next, { headers: STRONG });
        const { manifests } = JSON.parse(answer.body.toString()) as { manifests: object[] };
        expect(manifests.length).toBeLessThanOrEqual(2);
        expect(answer.headers['oci-filters-applied']).toBe(filter === '' ? undefined : 'artifactType');
        seen.push(...manifests);
        next = /^<(.+)>; rel="next"$/.exec(answer.headers['link']?.toString() ?? '')?.[1];
      }
      expect(seen).toEqual(filter === '' ? all : ofType(SBOM));
    });
  });

  const none = {
    status: 200,
    headers: { 'content-type': OCI_INDEX },
    body: { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] },
  };
  itAnswers(route.read, repository, [
    {
      name: 'are none for a digest that nobody names',
      request: `GET /v2/<name>/referrers/${digestOf('x')}`,
      ...none,
    },
    {
      name: 'are none in a repository that is not there',
      request: `GET /v2/<name>/none/referrers/${digestOf('x')}`,
      ...none,
    },
    {
      name: 'are 400 for what is no digest',
      request: 'GET /v2/<name>/referrers/sha256:x',
      status: 400,
      code: 'DIGEST_INVALID',
    },
    {
      name: 'are 400 for a tag',
      request: 'GET /v2/<name>/referrers/latest',
      status: 400,
      code: 'DIGEST_INVALID',
    },
  ]);
});
