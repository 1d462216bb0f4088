import { beforeAll, describe } from 'vitest';
import { digestOf, piece, pushBlob, seededBlob, type Piece } from '#test/support/content.ts';
import { itAnswers, NOTHING, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

const BINARY = 'application/octet-stream';

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-blobs
function reads(what: string, { bytes, digest }: Piece): Exchange[] {
  const headers = {
    'docker-content-digest': digest,
    'content-length': String(bytes.length),
    'content-type': BINARY,
    'content-encoding': undefined,
    etag: `"${digest}"`,
    'accept-ranges': 'bytes',
    'cache-control': /immutable/,
  };
  const path = `/v2/<name>/blobs/${digest}`;
  const escaped = path.replace('sha', '%73ha').replace(':', '%3A');
  return [
    { name: `GET of ${what}`, request: `GET ${path}`, status: 200, headers, body: bytes },
    { name: `HEAD of ${what}`, request: `HEAD ${path}`, status: 200, headers, body: NOTHING },
    { name: `GET of ${what} with an escaped digest`, request: `GET ${escaped}`, status: 200, body: bytes },
    {
      name: `GET of ${what} by one who takes compressed bodies`,
      request: `GET ${path}`,
      sent: { headers: { 'accept-encoding': 'zstd, gzip' } },
      status: 200,
      headers,
      body: bytes,
    },
    ...conditions(what, path, { bytes, digest }),
  ];
}

function conditions(what: string, path: string, { bytes, digest }: Omit<Piece, 'mediaType'>): Exchange[] {
  const given = (name: string, value: string, status: number, body: Buffer): Exchange => ({
    name: `GET of ${what} with ${name}: ${value.replace(digest, '<its digest>')} is ${status}`,
    request: `GET ${path}`,
    sent: { headers: { [name]: value } },
    status,
    headers: { etag: `"${digest}"`, 'docker-content-digest': digest },
    body,
  });
  const other = digestOf('other');
  return [
    given('If-None-Match', `"${digest}"`, 304, NOTHING),
    given('If-None-Match', `W/"${digest}"`, 304, NOTHING),
    given('If-None-Match', `"${other}", "${digest}"`, 304, NOTHING),
    given('If-None-Match', '*', 304, NOTHING),
    given('If-None-Match', `"${other}"`, 200, bytes),
    {
      ...given('If-None-Match', `"${digest}"`, 304, NOTHING),
      name: `HEAD of ${what} with If-None-Match is 304`,
      request: `HEAD ${path}`,
    },
  ];
}

describe.each(routes)('pulling blobs, $name', (route) => {
  const repository = route.repository('conformance/pulling-blobs');
  const blobs = {
    'a small blob': piece(seededBlob(repository, 300), BINARY),
    'a blob of several chunks': piece(seededBlob(repository, 700_001), BINARY),
    'a blob with a sha512 digest': piece(seededBlob(`${repository}/512`, 70_000), BINARY, 'sha512'),
    'the empty blob': piece('', BINARY),
  };
  beforeAll(async () => {
    for (const blob of Object.values(blobs)) await pushBlob(route.write, repository, blob);
  });

  itAnswers(
    route.read,
    repository,
    Object.entries(blobs).flatMap(([what, blob]) => reads(what, blob)),
  );
});
