import { beforeAll, describe, expect, it } from 'vitest';
import { OCI_CONFIG, OCI_INDEX } from '#libs/oci/mediatype.ts';
import { descriptor, digestOf, image, indexOf, piece, pushContent, rootOf } from '#test/support/content.ts';
import { exchange } from '#test/support/exchange.ts';
import { send, type Answer } from '#test/support/registry-client.ts';
import { registry, STRONG } from '#test/support/routes.ts';

const [us, eu] = [registry('us'), registry('eu')];
const NAME = 'protocol/referrers';

interface Listed {
  digest: string;
  artifactType?: string;
  annotations?: object;
}

describe('referrers', () => {
  // Nobody pushes it: a missing subject is as good as one that is there.
  const subject = piece('a manifest that is not there', 'application/vnd.oci.image.manifest.v1+json');
  const annotations = { 'org.example.note': 'copied ≠ rewritten' };
  const fields = { subject: descriptor(subject), annotations };
  const byConfig = image(`${NAME}/config`, { manifest: fields });
  const typed = image(`${NAME}/typed`, { manifest: { ...fields, artifactType: 'application/x.sbom' } });
  const index = indexOf([], fields);
  let answers: Answer[];
  beforeAll(async () => {
    answers = [];
    for (const content of [byConfig, typed, index]) answers.push(await pushContent(us, NAME, content));
  });
  const list = (query = ''): Promise<Answer> =>
    send(eu, 'GET', `/v2/${NAME}/referrers/${subject.digest}${query}`, { headers: STRONG });
  const listed = async (digest: string): Promise<Listed | undefined> => {
    const { manifests } = JSON.parse((await list()).body.toString()) as { manifests: Listed[] };
    return manifests.find((manifest) => manifest.digest === digest);
  };

  it('always 200 with an index, never 404, for unknown repositories too', async () => {
    for (const repository of [NAME, 'protocol/no-such-repository']) {
      await exchange(eu, repository, {
        name: repository,
        request: `GET /v2/<name>/referrers/${digestOf('nobody names it')}`,
        status: 200,
        headers: { 'content-type': OCI_INDEX },
        body: { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] },
      });
    }
  });
  it('400 for a malformed digest', async () => {
    for (const digest of ['latest', 'sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e']) {
      const request = `GET /v2/<name>/referrers/${digest}`;
      await exchange(eu, NAME, { name: digest, request, status: 400, code: 'DIGEST_INVALID' });
    }
  });
  it("artifactType falls back to the config's media type (absent for an index)", async () => {
    expect((await listed(rootOf(byConfig).digest))?.artifactType).toBe(OCI_CONFIG);
    expect((await listed(rootOf(typed).digest))?.artifactType).toBe('application/x.sbom');
    const ofIndex = await listed(rootOf(index).digest);
    expect(ofIndex).toBeDefined();
    expect(ofIndex).not.toHaveProperty('artifactType');
  });
  it('annotations copied', async () => {
    for (const content of [byConfig, typed, index]) {
      expect((await listed(rootOf(content).digest))?.annotations).toEqual(annotations);
    }
  });
  it('?artifactType= answers OCI-Filters-Applied: artifactType', async () => {
    const filtered = await list('?artifactType=application%2Fx.sbom');
    expect(filtered.headers['oci-filters-applied']).toBe('artifactType');
    const { manifests } = JSON.parse(filtered.body.toString()) as { manifests: Listed[] };
    expect(manifests.map(({ digest }) => digest)).toEqual([rootOf(typed).digest]);
    expect((await list()).headers['oci-filters-applied']).toBeUndefined();
  });
  it('PUT with a subject answers OCI-Subject; a missing subject is accepted', () => {
    for (const { status, headers } of answers) {
      expect([status, headers['oci-subject']]).toEqual([201, subject.digest]);
    }
  });
});
