import { describe, expect, it } from 'vitest';
import { OCI_EMPTY, OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import {
  descriptor,
  image,
  piece,
  pushContent,
  pushManifest,
  rootOf,
  type Content,
  type Descriptor,
} from '#test/support/content.ts';
import { send } from '#test/support/registry-client.ts';
import { routes, STRONG } from '#test/support/routes.ts';

const SIGNATURE = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const SBOM = 'application/vnd.example.sbom.v1';

/** What a client attaches that keeps its referrers under a tag: it has no subject, or the registry is not asked for it. */
function attached(seed: string, artifactType: string, subject?: object): Content {
  const empty = piece('{}', OCI_EMPTY);
  const value = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType,
    config: descriptor(empty),
    layers: [descriptor(empty)],
    annotations: { seed },
    ...(subject === undefined ? {} : { subject }),
  };
  return { blobs: [empty], manifests: [piece(JSON.stringify(value), OCI_MANIFEST)] };
}

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
describe.each(routes)('referrers kept under a tag, $name', (route) => {
  const repository = route.repository('conformance/referrers-tag');

  it.each(['sha256', 'sha512'] as const)(
    'of a %s digest are listed with those of the API, pages and filters included, until they are deleted',
    async (algorithm) => {
      const app = image(`${repository}/${algorithm}`, { algorithm });
      await pushContent(route.write, repository, app);
      const subject = rootOf(app);
      const old = ['a', 'b'].map((seed) => attached(`${algorithm}/${seed}`, SIGNATURE));
      const own = attached(`${algorithm}/own`, SBOM, descriptor(subject));
      for (const content of [...old, own]) await pushContent(route.write, repository, content);
      const annotations = { 'org.example.note': 'ä' };
      const listed = old.map((content) =>
        descriptor(rootOf(content), { artifactType: SIGNATURE, annotations }),
      );
      const manifests = [...listed, descriptor(rootOf(own), { artifactType: 'application/wrong' })];
      const index = piece(
        JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, annotations: { algorithm } }),
        OCI_INDEX,
      );
      const tag = subject.digest.replace(':', '-').slice(0, algorithm.length + 1 + 64);
      await pushManifest(route.write, repository, index, tag);

      const first = `/v2/${repository}/referrers/${subject.digest}`;
      const all = [
        ...listed,
        descriptor(rootOf(own), { artifactType: SBOM, annotations: { seed: `${algorithm}/own` } }),
      ].sort((a, b) => (a.digest < b.digest ? -1 : 1));
      expect(await pagesOf(route.read, first)).toEqual(all);
      expect(await pagesOf(route.read, `${first}?n=1`)).toEqual(all);
      const filtered = await pagesOf(
        route.read,
        `${first}?n=1&artifactType=${encodeURIComponent(SIGNATURE)}`,
      );
      expect(filtered).toEqual(all.filter(({ artifactType }) => artifactType === SIGNATURE));

      const [gone] = listed;
      const deleted = await send(route.write, 'DELETE', `/v2/${repository}/manifests/${gone?.digest ?? ''}`);
      expect(deleted.status).toBe(202);
      expect(await pagesOf(route.read, first)).toEqual(all.filter(({ digest }) => digest !== gone?.digest));
    },
  );
});

/** The descriptors of all pages. */
async function pagesOf(registry: string, path: string): Promise<Descriptor[]> {
  const found: Descriptor[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const answer = await send(registry, 'GET', next, { headers: STRONG });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, OCI_INDEX]);
    const { manifests } = JSON.parse(answer.body.toString()) as { manifests: Descriptor[] };
    found.push(...manifests);
    next = /^<(.+)>; rel="next"$/.exec(answer.headers['link']?.toString() ?? '')?.[1];
  }
  return found;
}
