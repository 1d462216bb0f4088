import { beforeAll, describe } from 'vitest';
import { digestOf, image, pushContent, rootOf } from '#test/support/content.ts';
import { itAnswers, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

type Missing = readonly [path: string, code: Exchange['code']];

/** GET and HEAD of what is not there: 404, never anything else. */
function missing(title: string, [path, code]: Missing): Exchange[] {
  return ['GET', 'HEAD'].map((method) => ({
    name: `${method} of ${title} is 404`,
    request: `${method} ${path}`,
    status: 404,
    ...(code === undefined ? {} : { code }),
  }));
}

describe.each(routes)('what is not there, $name', (route) => {
  const repository = route.repository('conformance/missing');
  const elsewhere = route.repository('conformance/missing-elsewhere');
  const pushed = image(repository);
  const other = image(elsewhere);
  const absent = { sha256: digestOf(`absent ${repository}`), sha512: digestOf(repository, 'sha512') };
  beforeAll(async () => {
    await pushContent(route.write, repository, pushed, 'here');
    await pushContent(route.write, elsewhere, other, 'there');
  });

  const cases: Record<string, Missing> = {
    'a blob of no one': [`/v2/<name>/blobs/${absent.sha256}`, 'BLOB_UNKNOWN'],
    'a blob of no one by sha512': [`/v2/<name>/blobs/${absent.sha512}`, 'BLOB_UNKNOWN'],
    'a blob of another repository': [`/v2/<name>/blobs/${other.blobs[1]?.digest ?? ''}`, 'BLOB_UNKNOWN'],
    'a blob in a repository that is not there': [
      `/v2/<name>/none/blobs/${pushed.blobs[1]?.digest ?? ''}`,
      undefined,
    ],
    'a blob by an image’s other digest': [
      `/v2/<name>/blobs/${digestOf(pushed.blobs[1]?.bytes ?? '', 'sha512')}`,
      'BLOB_UNKNOWN',
    ],
    'a manifest by tag': ['/v2/<name>/manifests/none', 'MANIFEST_UNKNOWN'],
    'a manifest by a tag in another case': ['/v2/<name>/manifests/Here', 'MANIFEST_UNKNOWN'],
    'a manifest by the beginning of a tag': ['/v2/<name>/manifests/her', 'MANIFEST_UNKNOWN'],
    'a manifest by digest': [`/v2/<name>/manifests/${absent.sha256}`, 'MANIFEST_UNKNOWN'],
    'a manifest by sha512 digest': [`/v2/<name>/manifests/${absent.sha512}`, 'MANIFEST_UNKNOWN'],
    'a manifest of another repository': [`/v2/<name>/manifests/${rootOf(other).digest}`, 'MANIFEST_UNKNOWN'],
    'a manifest by a layer’s digest': [
      `/v2/<name>/manifests/${pushed.blobs[1]?.digest ?? ''}`,
      'MANIFEST_UNKNOWN',
    ],
    'a manifest in a repository that is not there': ['/v2/<name>/none/manifests/here', undefined],
    'the tags of a repository that is not there': ['/v2/<name>/none/tags/list', 'NAME_UNKNOWN'],
    'a page of the tags of a repository that is not there': ['/v2/<name>/none/tags/list?n=0', 'NAME_UNKNOWN'],
  };
  itAnswers(
    route.read,
    repository,
    Object.entries(cases).flatMap(([title, question]) => missing(title, question)),
  );
});
