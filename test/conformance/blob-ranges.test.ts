import { beforeAll, describe, it } from 'vitest';
import { digestOf, piece, pushBlob, seededBlob, type Piece } from '#test/support/content.ts';
import { exchange, itAnswers, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

const BINARY = 'application/octet-stream';
const SMALL = 300;
const LARGE = 200_000;

/** Header, and the first and last byte that come, or why all of them do, or that none can. */
type RangeCase = readonly [range: string, expected: readonly [number, number] | 'whole' | 'none'];

// https://www.rfc-editor.org/rfc/rfc9110#section-14, as far as one range goes
const rangesOf = (size: number): RangeCase[] => [
  ['bytes=0-0', [0, 0]],
  ['bytes=0-9', [0, 9]],
  ['bytes=10-19', [10, 19]],
  [`bytes=${size - 1}-${size - 1}`, [size - 1, size - 1]],
  [`bytes=0-${size - 1}`, [0, size - 1]],
  ['bytes=100-', [100, size - 1]],
  [`bytes=${size - 1}-`, [size - 1, size - 1]],
  ['bytes=-1', [size - 1, size - 1]],
  ['bytes=-50', [size - 50, size - 1]],
  [`bytes=-${size + 100}`, [0, size - 1]],
  [`bytes=50-${size + 1000}`, [50, size - 1]],
  ['Bytes=0-9', [0, 9]],
  [`bytes=${size}-`, 'none'],
  [`bytes=${size}-${size + 10}`, 'none'],
  ['bytes=-0', 'none'],
  ['bytes=0-9,20-29', 'whole'],
  ['bytes=', 'whole'],
  ['bytes=a-b', 'whole'],
  ['bytes=1--2', 'whole'],
  ['items=0-9', 'whole'],
];

function ranges({ bytes, digest }: Piece): Exchange[] {
  const size = bytes.length;
  const request = `GET /v2/<name>/blobs/${digest}`;
  return rangesOf(size).map(([range, expected]): Exchange => {
    const sent = { headers: { range } };
    const name = `Range: ${range} of ${size} bytes`;
    if (expected === 'whole') {
      const headers = { 'content-range': undefined, 'content-length': String(size) };
      return { name: `${name} gives the whole`, request, sent, status: 200, headers, body: bytes };
    }
    if (expected === 'none') {
      const headers = { 'content-range': `bytes */${size}` };
      return { name: `${name} is 416`, request, sent, status: 416, code: 'RANGE_INVALID', headers };
    }
    const [first, last] = expected;
    const headers = {
      'content-range': `bytes ${first}-${last}/${size}`,
      'content-length': String(last - first + 1),
      'docker-content-digest': digest,
    };
    const body = bytes.subarray(first, last + 1);
    return { name: `${name} gives ${first}-${last}`, request, sent, status: 206, headers, body };
  });
}

function conditional({ bytes, digest }: Piece): Exchange[] {
  const request = `GET /v2/<name>/blobs/${digest}`;
  const part = bytes.subarray(5, 10);
  const given = (name: string, headers: Record<string, string>, status: number, body: Buffer): Exchange => ({
    name: `a range of ${bytes.length} bytes ${name}`,
    request,
    sent: { headers: { range: 'bytes=5-9', ...headers } },
    status,
    body,
  });
  return [
    given('if it is still the same blob', { 'if-range': `"${digest}"` }, 206, part),
    given('of something else gives the whole', { 'if-range': `"${digestOf('other')}"` }, 200, bytes),
    given('if it has not changed gives nothing', { 'if-none-match': `"${digest}"` }, 304, Buffer.alloc(0)),
    {
      ...given('on HEAD is ignored', {}, 200, Buffer.alloc(0)),
      request: `HEAD /v2/<name>/blobs/${digest}`,
      headers: { 'content-length': String(bytes.length) },
    },
  ];
}

// Two blobs for each route: one is asked for ranges before anything else, the other when it is already there.
describe.each(routes)('pulling blobs in ranges, $name', (route) => {
  const repository = route.repository('conformance/blob-ranges');
  const small = piece(seededBlob(repository, SMALL), BINARY);
  const large = piece(seededBlob(repository, LARGE), BINARY, 'sha512');
  const empty = piece('', BINARY);
  beforeAll(async () => {
    for (const blob of [small, large, empty]) await pushBlob(route.write, repository, blob);
  });

  itAnswers(route.read, repository, [
    ...ranges(small),
    ...ranges(large),
    ...conditional(small),
    ...conditional(large),
  ]);
  it('any range of the empty blob gives the whole', () =>
    exchange(route.read, repository, {
      name: 'empty',
      request: `GET /v2/<name>/blobs/${empty.digest}`,
      sent: { headers: { range: 'bytes=0-' } },
      status: 200,
      body: empty.bytes,
    }));
});
