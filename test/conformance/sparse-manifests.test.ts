import { beforeAll, describe, expect, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import {
  descriptor,
  image,
  indexOf,
  piece,
  pushBlob,
  pushManifest,
  putManifest,
  rootOf,
} from '#test/support/content.ts';
import { exchange } from '#test/support/exchange.ts';
import { send } from '#test/support/registry-client.ts';
import { routes, STRONG } from '#test/support/routes.ts';

// A registry MAY refuse manifests that name what is missing; Meridian does, unless the repository's setting is `missing: accept`.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
describe.each(routes)('sparse manifests, $name', (route) => {
  const repository = route.repository('conformance/sparse');
  const sparse = image(repository);
  const [config, kept, left] = sparse.blobs;
  const absentChild = piece(`absent ${repository}`, OCI_MANIFEST);
  const present = image(`${repository}/present`);
  beforeAll(async () => {
    const path = `/meridian/v1/repositories/${repository}/settings`;
    const set = await send(route.write, 'PATCH', path, { body: '{"missing":"accept"}' });
    expect([set.status, set.body.toString()]).toEqual([200, expect.stringContaining('accept')]);
    for (const blob of [config, kept, ...present.blobs]) {
      if (blob !== undefined) await pushBlob(route.write, repository, blob);
    }
  });
  const asked = async (path: string, status: number, body?: Buffer): Promise<void> => {
    const sent = { headers: STRONG };
    const expected = { status, ...(body === undefined ? {} : { body }) };
    await exchange(route.read, repository, {
      name: path,
      request: `GET /v2/<name>/${path}`,
      sent,
      ...expected,
    });
  };

  it('an image is taken without one of its layers, which stays unknown', async () => {
    const root = rootOf(sparse);
    await pushManifest(route.write, repository, root, 'image');
    for (const reference of ['image', root.digest]) await asked(`manifests/${reference}`, 200, root.bytes);
    await asked(`blobs/${kept?.digest ?? ''}`, 200, kept?.bytes);
    await asked(`blobs/${left?.digest ?? ''}`, 404);
    await asked('tags/list', 200);
  });

  it('an index is taken without one of its images', async () => {
    const index = indexOf([present, { blobs: [], manifests: [absentChild] }]);
    await pushManifest(route.write, repository, rootOf(present));
    await pushManifest(route.write, repository, rootOf(index), 'index');
    await asked('manifests/index', 200, rootOf(index).bytes);
    await asked(`manifests/${absentChild.digest}`, 404);
  });

  it('what was missing is there once it is pushed', async () => {
    if (left === undefined) throw new Error('The image has too few layers.');
    await pushBlob(route.write, repository, left);
    await asked(`blobs/${left.digest}`, 200, left.bytes);
  });

  it('they are refused by a repository that does not accept them', async () => {
    const value = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor(absentChild)] };
    const refused = await putManifest(
      route.write,
      `${repository}/strict`,
      piece(JSON.stringify(value), OCI_INDEX),
      'x',
    );
    expect([refused.status, refused.body.toString()]).toEqual([
      404,
      expect.stringContaining('MANIFEST_BLOB_UNKNOWN'),
    ]);
  });
});
