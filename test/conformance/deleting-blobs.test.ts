import { describe, it } from 'vitest';
import {
  digestOf,
  image,
  piece,
  pushBlob,
  pushContent,
  rootOf,
  seededBlob,
  type Piece,
} from '#test/support/content.ts';
import { exchange, itAnswers, NOTHING, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

const pull = ({ digest, bytes }: Piece): Exchange => ({
  name: 'pull',
  request: `GET /v2/<name>/blobs/${digest}`,
  status: 200,
  body: bytes,
});
const gone = ({ digest }: Piece, method = 'GET'): Exchange => ({
  name: 'gone',
  request: `${method} /v2/<name>/blobs/${digest}`,
  status: 404,
  code: 'BLOB_UNKNOWN',
});
const remove = ({ digest }: Piece): Exchange => ({
  name: 'delete',
  request: `DELETE /v2/<name>/blobs/${digest}`,
  status: 202,
  body: NOTHING,
});

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#deleting-blobs
describe.each(routes)('deleting blobs, $name', (route) => {
  const base = route.repository('conformance/deleting-blobs');

  it.each([
    ['sha256', 1000],
    ['sha256', 0],
    ['sha512', 100_000],
  ] as const)(
    'a blob is gone at once, in the other repository it stays: %s, %i bytes',
    async (algorithm, size) => {
      const blob = piece(seededBlob(`${base}/${size}`, size), 'x/y', algorithm);
      const [one, other] = [`${base}/${algorithm}-${size}`, `${base}/${algorithm}-${size}/other`];
      for (const repository of [one, other]) {
        await pushBlob(route.write, repository, blob);
        await exchange(route.write, repository, pull(blob));
      }
      await exchange(route.write, one, remove(blob));
      for (const method of ['GET', 'HEAD', 'DELETE']) await exchange(route.write, one, gone(blob, method));
      for (const method of ['GET', 'HEAD']) await exchange(route.read, one, gone(blob, method));
      await exchange(route.read, other, pull(blob));
      await pushBlob(route.write, one, blob);
      await exchange(route.read, one, pull(blob));
    },
  );

  it('a blob that a manifest names can’t be deleted, until the manifest is', async () => {
    const repository = `${base}/named`;
    const content = image(repository);
    const layer = content.blobs[1] ?? content.blobs[0] ?? piece('', '');
    await pushContent(route.write, repository, content, 'tag');
    await exchange(route.write, repository, {
      name: 'delete',
      request: remove(layer).request,
      status: 405,
      code: 'UNSUPPORTED',
    });
    await exchange(route.read, repository, pull(layer));
    const manifest = `DELETE /v2/<name>/manifests/${rootOf(content).digest}`;
    await exchange(route.write, repository, { name: 'delete', request: manifest, status: 202 });
    await exchange(route.write, repository, { ...remove(layer), status: 202 });
    await exchange(route.read, repository, gone(layer));
  });

  const absent = digestOf(`absent ${base}`);
  itAnswers(route.write, base, [
    {
      name: 'a blob that is not there is 404',
      request: `DELETE /v2/<name>/blobs/${absent}`,
      status: 404,
      code: 'BLOB_UNKNOWN',
    },
    {
      name: 'a blob of a repository that is not there is 404',
      request: `DELETE /v2/<name>/none/blobs/${absent}`,
      status: 404,
    },
  ]);
});
