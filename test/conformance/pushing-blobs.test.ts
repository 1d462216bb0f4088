import { describe, it } from 'vitest';
import { piece, seededBlob, type Algorithm, type Piece } from '#test/support/content.ts';
import { exchange, NOTHING } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';
import { takeSteps, type Step } from '#test/support/upload-steps.ts';

const BINARY = 'application/octet-stream';
const START = 'POST /v2/<name>/blobs/uploads/';
const SESSION = /^\/v2\/.+\/blobs\/uploads\/.+/;

const start = (query = ''): Step => ({
  request: `${START}${query}`,
  status: 202,
  headers: { location: SESSION, range: '0-0', 'docker-upload-uuid': /.+/, 'content-length': '0' },
  body: NOTHING,
});
const patch = (bytes: Buffer, total: number, contentRange?: string): Step => ({
  request: 'PATCH <location>',
  sent: {
    body: bytes,
    headers: { 'content-type': BINARY, ...(contentRange ? { 'content-range': contentRange } : {}) },
  },
  status: 202,
  headers: { location: SESSION, range: `0-${Math.max(0, total - 1)}`, 'docker-upload-uuid': /.+/ },
  body: NOTHING,
});
const asked = (total: number): Step => ({
  request: 'GET <location>',
  status: 204,
  headers: { location: SESSION, range: `0-${Math.max(0, total - 1)}` },
  body: NOTHING,
});
const stored = (digest: string): Pick<Step, 'status' | 'headers' | 'body'> => ({
  status: 201,
  headers: { location: `/v2/<name>/blobs/${digest}`, 'docker-content-digest': digest },
  body: NOTHING,
});
const finish = (digest: string, bytes?: Buffer, contentRange?: string): Step => ({
  request: `PUT <location>?digest=${digest}`,
  sent: {
    headers: { 'content-type': BINARY, ...(contentRange ? { 'content-range': contentRange } : {}) },
    body: bytes ?? NOTHING,
  },
  ...stored(digest),
});

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  for (let i = 0; i < bytes.length; i += 7000) yield bytes.subarray(i, i + 7000);
}

type Way = (blob: Piece, algorithm: Algorithm) => Step[];

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
const ways: Record<string, Way> = {
  'POST alone': ({ bytes, digest }) => [
    { request: `${START}?digest=${digest}`, sent: { body: bytes }, ...stored(digest) },
  ],
  'POST alone, its length unsaid': ({ bytes, digest }) => [
    { request: `${START}?digest=${digest}`, sent: { bytes: inPieces(bytes) }, ...stored(digest) },
  ],
  'POST and PUT': ({ bytes, digest }) => [start(), finish(digest, bytes)],
  'POST with digest-algorithm and PUT': ({ bytes, digest }, algorithm) => [
    start(`?digest-algorithm=${algorithm}`),
    finish(digest, bytes),
  ],
  'POST and PUT, with the digest escaped': ({ bytes, digest }) => [
    start(),
    { ...finish(digest, bytes), request: `PUT <location>?digest=${encodeURIComponent(digest)}` },
  ],
  'one PATCH without Content-Range': ({ bytes, digest }) => [
    start(),
    patch(bytes, bytes.length),
    finish(digest),
  ],
  'a streamed PATCH': ({ bytes, digest }) => [
    start(),
    { ...patch(bytes, bytes.length), sent: { bytes: inPieces(bytes) } },
    finish(digest),
  ],
  'several PATCHes without Content-Range': ({ bytes, digest }) => [
    start(),
    ...[5000, 12_000, bytes.length].map((end, i, ends) => patch(bytes.subarray(ends[i - 1] ?? 0, end), end)),
    finish(digest),
  ],
  'chunks with Content-Range': ({ bytes, digest }, algorithm) => [
    start(`?digest-algorithm=${algorithm}`),
    patch(bytes.subarray(0, 5000), 5000, '0-4999'),
    asked(5000),
    patch(bytes.subarray(5000), bytes.length, `5000-${bytes.length - 1}`),
    asked(bytes.length),
    finish(digest),
  ],
  'chunks with Content-Range in HTTP’s notation': ({ bytes, digest }) => [
    start(),
    patch(bytes.subarray(0, 5000), 5000, `bytes 0-4999/${bytes.length}`),
    patch(bytes.subarray(5000), bytes.length, `bytes 5000-${bytes.length - 1}/*`),
    finish(digest),
  ],
  'chunks, the last one with PUT': ({ bytes, digest }) => [
    start(),
    patch(bytes.subarray(0, 5000), 5000, '0-4999'),
    finish(digest, bytes.subarray(5000), `5000-${bytes.length - 1}`),
  ],
  'an empty PATCH and PUT': ({ bytes, digest }) => [
    start(),
    patch(NOTHING, 0),
    asked(0),
    finish(digest, bytes),
  ],
  'POST and PUT of what is there already': ({ bytes, digest }) => [
    { request: `${START}?digest=${digest}`, sent: { body: bytes }, ...stored(digest) },
    start(),
    finish(digest, bytes),
  ],
};

describe.each(routes)('pushing blobs, $name', (route) => {
  const repository = route.repository('conformance/pushing-blobs');
  for (const [way, steps] of Object.entries(ways)) {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      it(`by ${way}, ${algorithm}`, async () => {
        const blob = piece(seededBlob(`${repository}/${way}`, 20_000), BINARY, algorithm);
        await takeSteps([route.write, route.read], repository, steps(blob, algorithm));
        const pull = { request: `GET /v2/<name>/blobs/${blob.digest}`, status: 200, body: blob.bytes };
        await exchange(route.read, repository, { name: way, ...pull });
        await exchange(route.read, repository, {
          ...pull,
          name: way,
          request: pull.request.replace('GET', 'HEAD'),
          body: NOTHING,
        });
      });
    }
  }

  it.each(['sha256', 'sha512'] as const)('of no bytes, %s', async (algorithm) => {
    const blob = piece(NOTHING, BINARY, algorithm);
    await takeSteps([route.write, route.read], repository, [start(), finish(blob.digest)]);
    const pull = { request: `GET /v2/<name>/blobs/${blob.digest}`, status: 200, body: NOTHING };
    await exchange(route.read, repository, { name: 'empty', ...pull });
  });
});
