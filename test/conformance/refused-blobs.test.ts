import { describe, it } from 'vitest';
import { digestOf, piece, seededBlob, type Piece } from '#test/support/content.ts';
import { exchange, itAnswers, NOTHING } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';
import { takeSteps, type Step } from '#test/support/upload-steps.ts';

const START: Step = { request: 'POST /v2/<name>/blobs/uploads/', status: 202 };
const patch = (body: Buffer, status: number, contentRange?: string): Step => ({
  request: 'PATCH <location>',
  sent: { body, ...(contentRange === undefined ? {} : { headers: { 'content-range': contentRange } }) },
  status,
  ...(status === 416 ? { code: 'RANGE_INVALID' as const } : {}),
});
const put = (digest: string, status: number, body = NOTHING, contentRange?: string): Step => ({
  ...patch(body, status, contentRange),
  request: `PUT <location>?digest=${digest}`,
});
/** After a refusal, GET tells how far the upload is. */
const arrived = (range: string): Step => ({ request: 'GET <location>', status: 204, headers: { range } });

type Scene = (blob: Piece) => Step[];

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-a-blob-in-chunks
const recoverable: Record<string, Scene> = {
  'a first chunk that does not begin at 0': ({ bytes, digest }) => [
    START,
    patch(bytes.subarray(100), 416, `100-${bytes.length - 1}`),
    arrived('0-0'),
    put(digest, 201, bytes),
  ],
  'a chunk that leaves a gap': ({ bytes, digest }) => [
    START,
    patch(bytes.subarray(0, 100), 202, '0-99'),
    patch(bytes.subarray(200, 300), 416, '200-299'),
    arrived('0-99'),
    put(digest, 201, bytes.subarray(100)),
  ],
  'a chunk that came already': ({ bytes, digest }) => [
    START,
    patch(bytes.subarray(0, 100), 202, '0-99'),
    patch(bytes.subarray(0, 100), 416, '0-99'),
    arrived('0-99'),
    put(digest, 201, bytes.subarray(100)),
  ],
  'a last chunk out of order with PUT': ({ bytes, digest }) => [
    START,
    patch(bytes.subarray(0, 100), 202, '0-99'),
    put(digest, 416, bytes.subarray(200), `200-${bytes.length - 1}`),
    arrived('0-99'),
    put(digest, 201, bytes.subarray(100), `100-${bytes.length - 1}`),
  ],
  'a Content-Range that is none': ({ bytes, digest }) => [
    START,
    patch(bytes, 416, 'all of it'),
    arrived('0-0'),
    put(digest, 201, bytes),
  ],
  'a Content-Range that ends before it begins': ({ bytes, digest }) => [
    START,
    patch(bytes, 416, '10-5'),
    put(digest, 201, bytes),
  ],
  'a Content-Range of another length': ({ bytes, digest }) => [
    START,
    { ...patch(bytes, 400, '0-10'), code: 'SIZE_INVALID' },
    put(digest, 201, bytes),
  ],
  'a digest that is none': ({ bytes, digest }) => [
    START,
    patch(bytes, 202),
    { ...put('sha256:baddigeststring', 400), code: 'DIGEST_INVALID' },
    arrived(`0-${bytes.length - 1}`),
    put(digest, 201),
  ],
  'no digest': ({ bytes, digest }) => [
    START,
    patch(bytes, 202),
    { ...put(digest, 400), request: 'PUT <location>', code: 'DIGEST_INVALID' },
    put(digest, 201),
  ],
  'the digest of other bytes': ({ bytes, digest }) => [
    START,
    patch(bytes, 202),
    { ...put(digestOf('other'), 400), code: 'DIGEST_INVALID' },
    put(digest, 201),
  ],
};

const hopeless: Record<string, Scene> = {
  'the digest of other bytes by POST alone': ({ bytes, digest }) => [
    {
      request: `POST /v2/<name>/blobs/uploads/?digest=${digest}`,
      sent: { body: Buffer.concat([bytes, Buffer.from('x')]) },
      status: 400,
      code: 'DIGEST_INVALID',
    },
  ],
  'the digest of other bytes by PUT': ({ bytes, digest }) => [
    START,
    { ...put(digest, 400, Buffer.concat([bytes, Buffer.from('x')])), code: 'DIGEST_INVALID' },
  ],
  'the digest of other bytes after chunks': ({ bytes, digest }) => [
    START,
    patch(bytes.subarray(0, 100), 202, '0-99'),
    patch(bytes.subarray(0, 100), 202, '100-199'),
    { ...put(digest, 400), code: 'DIGEST_INVALID' },
  ],
  'nothing, though the digest is of something': ({ digest }) => [
    START,
    { ...put(digest, 400), code: 'DIGEST_INVALID' },
  ],
};

describe.each(routes)('pushing blobs that are refused, $name', (route) => {
  const repository = route.repository('conformance/refused-blobs');
  const registries = [route.write, route.read] as const;
  const blobOf = (what: string): Piece => piece(seededBlob(`${repository}/${what}`, 1000), 'x/y');
  const pull = ({ digest }: Piece): string => `GET /v2/<name>/blobs/${digest}`;

  it.each(Object.keys(recoverable))('refuses %s, and takes the upload on from there', async (what) => {
    const blob = blobOf(what);
    await takeSteps(registries, repository, recoverable[what]?.(blob) ?? []);
    await exchange(route.read, repository, {
      name: what,
      request: pull(blob),
      status: 200,
      body: blob.bytes,
    });
  });
  it.each(Object.keys(hopeless))('refuses %s, and publishes nothing', async (what) => {
    const blob = blobOf(what);
    await takeSteps(registries, repository, hopeless[what]?.(blob) ?? []);
    await exchange(route.read, repository, { name: what, request: pull(blob), status: 404 });
  });

  itAnswers(route.write, repository, [
    {
      name: 'refuses a digest-algorithm that is not supported',
      request: 'POST /v2/<name>/blobs/uploads/?digest-algorithm=md5',
      status: 400,
      code: 'DIGEST_INVALID',
    },
    ...['GET', 'PATCH', 'PUT', 'DELETE'].map((method) => ({
      name: `${method} of an upload that is none is 404`,
      request: `${method} /v2/<name>/blobs/uploads/us.made.up?digest=${digestOf('')}`,
      status: 404,
      code: 'BLOB_UPLOAD_UNKNOWN' as const,
    })),
  ]);
});
