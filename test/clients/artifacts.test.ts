import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { OCI_INDEX } from '#libs/oci/mediatype.ts';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import { clientSuite } from '#test/support/client-suite.ts';
import { EMPTY_CONFIG, writeManifestLayout, type LayoutDescriptor } from '#test/support/oci-layout.ts';
import { pull, push, pushBlob, send, type Answer } from '#test/support/registry-client.ts';

const STRONG = { 'meridian-consistency': 'strong' };

/** The requests that clients of artifacts make, whether or not one of them is installed. */
describe('artifacts and what refers to them, across regions', () => {
  const { registry, path, digestIn } = clientSuite('artifacts');
  const write = (name: string, subject?: LayoutDescriptor): Promise<LayoutDescriptor> =>
    writeManifestLayout(path(name), '1.0', {
      artifactType: `application/vnd.example.${name}.v1`,
      config: EMPTY_CONFIG,
      layers: [{ mediaType: 'text/plain', bytes: Buffer.from(name) }],
      ...(subject === undefined ? {} : { subject, annotations: { 'org.example.of': 'notes' } }),
    });
  const referrers = async (region: RegionName, digest: string, query = ''): Promise<Answer> =>
    send(registry(region), 'GET', `/v2/artifacts/notes/referrers/${digest}${query}`, { headers: STRONG });
  const listed = ({ body }: Answer): LayoutDescriptor[] =>
    (JSON.parse(body.toString()) as { manifests: LayoutDescriptor[] }).manifests;
  let notes: LayoutDescriptor;
  let sbom: LayoutDescriptor;
  let signature: LayoutDescriptor;
  beforeAll(async () => {
    notes = await write('notes');
    sbom = await write('sbom', notes);
    signature = await write('signature', sbom);
    await push(registry('us'), 'artifacts/notes', '1.0', path('notes'));
    const attached = await push(registry('eu'), 'artifacts/notes', sbom.digest, path('sbom'));
    expect(attached.headers['oci-subject']).toBe(notes.digest);
    await push(registry('ap'), 'artifacts/notes', signature.digest, path('signature'));
  });

  it('are pulled whole from every region, and what refers to them from wherever it was pushed', async () => {
    for (const region of REGIONS) {
      expect((await pull(registry(region), 'artifacts/notes', '1.0')).digest).toBe(notes.digest);
      expect((await pull(registry(region), 'artifacts/notes', sbom.digest)).digest).toBe(sbom.digest);
      expect((await pull(registry(region), 'artifacts/notes', signature.digest)).digest).toBe(
        signature.digest,
      );
    }
  });

  it('lead from one to the next by referrers, in every region, with types and annotations', async () => {
    for (const region of REGIONS) {
      const found = await referrers(region, notes.digest);
      expect(found).toMatchObject({ status: 200, headers: { 'content-type': OCI_INDEX } });
      const annotations = { 'org.example.of': 'notes' };
      expect(listed(found)).toEqual([
        { ...sbom, artifactType: 'application/vnd.example.sbom.v1', annotations },
      ]);
      expect(listed(await referrers(region, sbom.digest))).toMatchObject([{ digest: signature.digest }]);
      expect(listed(await referrers(region, signature.digest))).toEqual([]);
    }
  });

  it('are filtered by type', async () => {
    const of = async (type: string): Promise<LayoutDescriptor[]> => {
      const answer = await referrers('ap', notes.digest, `?artifactType=${encodeURIComponent(type)}`);
      expect(answer.headers['oci-filters-applied']).toBe('artifactType');
      return listed(answer);
    };
    expect(await of('application/vnd.example.sbom.v1')).toMatchObject([{ digest: sbom.digest }]);
    expect(await of('application/vnd.example.other.v1')).toEqual([]);
  });

  it('give up a blob that was pushed alone, in every region at once, but none that a manifest names', async () => {
    const bytes = Buffer.from('pushed alone');
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await pushBlob(registry('us'), 'artifacts/notes', digest, bytes);
    const blob = `/v2/artifacts/notes/blobs/${digest}`;
    expect((await send(registry('ap'), 'GET', blob)).body.equals(bytes)).toBe(true);
    expect((await send(registry('eu'), 'DELETE', blob)).status).toBe(202);
    for (const region of REGIONS) expect((await send(registry(region), 'GET', blob)).status).toBe(404);

    const named = `/v2/artifacts/notes/blobs/sha256:${createHash('sha256').update('notes').digest('hex')}`;
    const refused = await send(registry('eu'), 'DELETE', named);
    expect(refused.status).toBe(405);
    expect((await send(registry('us'), 'GET', named)).body.toString()).toBe('notes');
  });

  it('are no longer referred to, in any region, once what refers to them is deleted in one', async () => {
    const comment = await write('comment', notes);
    await push(registry('us'), 'artifacts/notes', comment.digest, path('comment'));
    expect(listed(await referrers('ap', notes.digest))).toHaveLength(2);
    const deleted = await send(registry('ap'), 'DELETE', `/v2/artifacts/notes/manifests/${comment.digest}`);
    expect(deleted.status).toBe(202);
    for (const region of REGIONS) {
      expect(listed(await referrers(region, notes.digest))).toMatchObject([{ digest: sbom.digest }]);
      await expect(digestIn(region, 'artifacts/notes', comment.digest)).rejects.toThrow('404');
    }
  });
});
