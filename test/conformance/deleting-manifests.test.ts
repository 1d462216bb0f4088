import { describe, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { descriptor, digestOf, image, indexOf, pushContent, rootOf } from '#test/support/content.ts';
import { exchange, itAnswers, NOTHING, type Exchange } from '#test/support/exchange.ts';
import { routes, STRONG } from '#test/support/routes.ts';

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#content-management
describe.each(routes)('deleting, $name', (route) => {
  const base = route.repository('conformance/deleting');
  /** What is asked of the other region must not be older than the deletion. */
  const asked = async (repository: string, path: string, expected: Partial<Exchange>): Promise<void> => {
    const request = `GET /v2/<name>/${path}`;
    const sent = { headers: STRONG };
    await exchange(route.read, repository, { name: path, request, sent, status: 200, ...expected });
  };
  const remove = async (repository: string, reference: string, status = 202): Promise<void> => {
    const request = `DELETE /v2/<name>/manifests/${reference}`;
    const body = status === 202 ? { body: NOTHING } : { code: 'MANIFEST_UNKNOWN' as const };
    await exchange(route.write, repository, { name: 'delete', request, status, ...body });
  };
  const GONE = { status: 404, code: 'MANIFEST_UNKNOWN' as const };

  it('a tag leaves its manifest and other tags', async () => {
    const repository = `${base}/tag`;
    const content = image(repository);
    for (const tag of ['one', 'two']) await pushContent(route.write, repository, content, tag);
    await asked(repository, 'manifests/one', {});
    await remove(repository, 'one');
    await asked(repository, 'manifests/one', GONE);
    await asked(repository, 'manifests/two', {});
    await asked(repository, `manifests/${rootOf(content).digest}`, {});
    await asked(repository, 'tags/list', { body: { name: '<name>', tags: ['two'] } });
    await remove(repository, 'one', 404);
    await pushContent(route.write, repository, content, 'one');
    await asked(repository, 'manifests/one', {});
  });

  it('the last tag leaves an empty list', async () => {
    const repository = `${base}/last`;
    await pushContent(route.write, repository, image(repository), 'only');
    await remove(repository, 'only');
    await asked(repository, 'tags/list', { body: { name: '<name>', tags: [] } });
  });

  it.each(['sha256', 'sha512'] as const)('a manifest takes its tags along, %s', async (algorithm) => {
    const repository = `${base}/${algorithm}`;
    const [content, other] = [image(repository, { algorithm }), image(`${repository}/other`)];
    const { bytes, digest } = rootOf(content);
    for (const piece of [content, other]) await pushContent(route.write, repository, piece);
    await pushContent(route.write, repository, other, 'kept');
    const request = `PUT /v2/<name>/manifests/${digest}?tag=one&tag=two`;
    const sent = { body: bytes, headers: { 'content-type': OCI_MANIFEST } };
    await exchange(route.write, repository, { name: 'put', request, sent, status: 201 });
    await asked(repository, 'manifests/two', { body: bytes });
    await remove(repository, digest);
    for (const reference of ['one', 'two', digest]) await asked(repository, `manifests/${reference}`, GONE);
    await asked(repository, 'manifests/kept', { body: rootOf(other).bytes });
    await asked(repository, 'tags/list', { body: { name: '<name>', tags: ['kept'] } });
    await remove(repository, digest, 404);
    await pushContent(route.write, repository, content);
    await asked(repository, `manifests/${digest}`, { body: bytes });
  });

  it('an index leaves the images that it lists', async () => {
    const repository = `${base}/index`;
    const child = image(repository);
    const index = indexOf([child]);
    await pushContent(route.write, repository, index, 'index');
    await remove(repository, rootOf(index).digest);
    await asked(repository, `manifests/${rootOf(index).digest}`, GONE);
    await asked(repository, `manifests/${rootOf(child).digest}`, { body: rootOf(child).bytes });
  });

  it('a referrer takes it off the list, its subject leaves it there', async () => {
    const repository = `${base}/referrer`;
    const subject = image(repository);
    const { digest } = rootOf(subject);
    const referrers = ['x/one', 'x/two'].map((artifactType) =>
      image(`${repository}/${artifactType}`, {
        manifest: { artifactType, subject: descriptor(rootOf(subject)) },
      }),
    );
    for (const content of [subject, ...referrers]) await pushContent(route.write, repository, content);
    const listed = referrers.map((content, i) =>
      descriptor(rootOf(content), { artifactType: ['x/one', 'x/two'][i] }),
    );
    await remove(repository, rootOf(referrers[0] ?? subject).digest);
    await remove(repository, digest);
    await asked(repository, `manifests/${digest}`, GONE);
    await asked(repository, `referrers/${digest}`, {
      body: { schemaVersion: 2, mediaType: OCI_INDEX, manifests: listed.slice(1) },
    });
  });

  const absent = digestOf(`absent ${base}`);
  const unknown = (name: string, request: string): Exchange => ({ name, request, status: 404 });
  itAnswers(route.write, `${base}/none`, [
    unknown('a tag of a repository that is not there is 404', 'DELETE /v2/<name>/manifests/latest'),
    unknown('a manifest of a repository that is not there is 404', `DELETE /v2/<name>/manifests/${absent}`),
  ]);
  it('a blob’s digest as a manifest is 404', async () => {
    const repository = `${base}/blob`;
    const { blobs, manifests } = image(repository);
    await pushContent(route.write, repository, { blobs, manifests });
    for (const { digest } of blobs) await remove(repository, digest, 404);
  });
});
