import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { openRawConnection } from '#test/support/raw-connection.ts';
import type { Answer } from '#test/support/registry-client.ts';
import { errorCode, eventually, sha256, startTestFrontend, type TestFrontend } from './harness.ts';

const { us: region } = memoryRegions('us');
let us: TestFrontend;
beforeAll(async () => {
  us = await startTestFrontend(region);
});
afterAll(async () => {
  await us.stop(0);
  expect(us.faults).toEqual([]);
});

/** Sends all at once and reads answers, the first to `method`, until the connection is closed. */
async function answersTo(text: string, method = 'GET'): Promise<Answer[]> {
  const connection = openRawConnection(us.address);
  connection.send(Buffer.from(text, 'latin1'));
  const answers: Answer[] = [];
  let next = await connection.next(method);
  while (next !== undefined) {
    answers.push(next);
    next = await connection.next('GET');
  }
  connection.destroy();
  return answers;
}

const host = 'Host: registry\r\n';
const last = `${host}Connection: close\r\n`;

describe('what two parsers could read as different requests', () => {
  const smuggled = 'GET /v2/_catalog HTTP/1.1\r\nHost: x\r\n\r\n';
  const put = 'PUT /v2/a/manifests/x HTTP/1.1\r\n';
  it.each([
    [
      'Content-Length and Transfer-Encoding',
      `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'Transfer-Encoding and Content-Length',
      `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
    ],
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 40\r\n\r\n'],
    ['a list of lengths', 'Content-Length: 0, 40\r\n\r\n'],
    ['a signed length', 'Content-Length: +0\r\n\r\n'],
    ['an endless length', `Content-Length: ${'9'.repeat(30)}\r\n\r\n`],
    ['an unknown coding', 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'],
    ['chunked that is not last', 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n'],
    ['a space before the colon', 'Content-Length : 0\r\n\r\n'],
    ['a folded header', 'X: a\r\n Content-Length: 40\r\n\r\n'],
    ['a lone line feed', 'X: a\nContent-Length: 40\r\n\r\n'],
    ['a chunk of negative size', 'Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n'],
    ['a chunk of endless size', 'Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n'],
    ['a chunk without its end', 'Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n'],
  ])('%s: is refused, and nothing after it is read', async (_what, rest) => {
    const answers = await answersTo(`${put}${host}${rest}${smuggled}`);
    expect(answers.map(({ status }) => status)).toEqual([400]);
    expect(answers.map(errorCode)).toEqual(['REQUEST_INVALID']);
    expect(answers[0]?.headers).toMatchObject({ 'content-type': 'application/json', connection: 'close' });
  });

  it('answers the request before a malformed one first', async () => {
    const answers = await answersTo(`GET /v2/ HTTP/1.1\r\n${host}\r\nnonsense\r\n\r\n`);
    expect(answers.map(({ status }) => status)).toEqual([200, 400]);
  });

  it('answers once a request whose body turns out malformed after its answer', async () => {
    const connection = openRawConnection(us.address);
    connection.send(Buffer.from(`PUT /v2/ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`));
    expect((await connection.next('PUT'))?.status).toBe(405);
    connection.send(Buffer.from('nonsense\r\n'));
    expect(await connection.next('GET')).toBeUndefined();
    connection.destroy();
  });

  it('of a Content-Type that comes twice believes neither', async () => {
    const body = JSON.stringify({ schemaVersion: 2, manifests: [] });
    for (const types of [
      [OCI_INDEX, OCI_MANIFEST],
      [OCI_MANIFEST, OCI_INDEX],
    ]) {
      const lines = types.map((type) => `Content-Type: ${type}\r\n`).join('');
      const length = `Content-Length: ${body.length}\r\n`;
      const [answer, ...more] = await answersTo(
        `PUT /v2/a/manifests/x HTTP/1.1\r\n${last}${lines}${length}\r\n${body}`,
      );
      expect(more).toEqual([]);
      expect([answer?.status, answer && errorCode(answer)]).toEqual([400, 'MANIFEST_INVALID']);
    }
  });
});

describe('what HTTP allows and Node would answer without a body, or not at all', () => {
  it.each([
    ['no Host', 'GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'REQUEST_INVALID'],
    ['two Hosts', `GET /v2/ HTTP/1.1\r\n${last}Host: b\r\n\r\n`, 400, 'REQUEST_INVALID'],
    ['CONNECT', `CONNECT registry:443 HTTP/1.1\r\n${host}\r\n`, 405, 'UNSUPPORTED'],
    ['TRACE', `TRACE /v2/ HTTP/1.1\r\n${last}\r\n`, 405, 'UNSUPPORTED'],
    ['an unknown method', `BREW /v2/ HTTP/1.1\r\n${last}\r\n`, 400, 'REQUEST_INVALID'],
    ['an expectation', `GET /nowhere HTTP/1.1\r\n${last}Expect: miracles\r\n\r\n`, 404, 'NAME_UNKNOWN'],
    ['OPTIONS of everything', `OPTIONS * HTTP/1.1\r\n${last}\r\n`, 404, 'NAME_UNKNOWN'],
    ['a target without an authority', `GET http:// HTTP/1.1\r\n${last}\r\n`, 404, 'NAME_UNKNOWN'],
  ])('%s', async (_what, text, status, code) => {
    const answers = await answersTo(text);
    expect(answers.map((answer) => [answer.status, errorCode(answer)])).toEqual([[status, code]]);
    if (status === 405) expect(answers[0]?.headers.allow).toContain('GET');
  });

  it('takes a target in absolute form, and HTTP/1.0 without a Host', async () => {
    for (const text of [
      `GET http://registry:5000/v2/ HTTP/1.1\r\n${last}\r\n`,
      'GET /v2/ HTTP/1.0\r\n\r\n',
    ]) {
      expect((await answersTo(text)).map(({ status }) => status)).toEqual([200]);
    }
  });

  it('has no body for a HEAD, however malformed', async () => {
    for (const rest of [
      `${host}Content-Length: x\r\n\r\n`,
      `${host}X: ${'y'.repeat(20_000)}\r\n\r\n`,
      '\r\n',
    ]) {
      const [answer, ...more] = await answersTo(`HEAD /v2/ HTTP/1.1\r\nConnection: close\r\n${rest}`, 'HEAD');
      expect(more).toEqual([]);
      expect(answer?.status).toBeGreaterThanOrEqual(400);
      expect(Number(answer?.headers['content-length'])).toBeGreaterThan(0);
    }
  });

  it('goes on with the connection after an offer of an upgrade, or closes it, but loses no request', async () => {
    const body = 'x'.repeat(200_000);
    const offer = `DELETE /v2/ HTTP/1.1\r\n${host}Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: ${body.length}\r\n\r\n`;
    const answers = await answersTo(offer + body);
    expect(answers.map(({ status, headers }) => [status, headers.connection])).toEqual([[405, 'close']]);
  });
});

describe('every error', () => {
  const digest = sha256(Buffer.from('nothing'));
  it.each([
    '/',
    '/v2/a/manifests/x',
    `/v2/a/manifests/${digest}`,
    `/v2/a/blobs/${digest}`,
    '/v2/a/blobs/short',
    '/v2/a/tags/list',
    '/v2/A/tags/list',
    '/v2/_catalog?n=x',
    '/v2/a/referrers/short',
    '/v2/a/blobs/uploads/us.x.y',
    '/v2/a/blobs/uploads/',
  ])('has for HEAD the header that it has for GET, and no body: %s', async (path) => {
    const [got, head] = await Promise.all(['GET', 'HEAD'].map((method) => us.send(method, path)));
    expect(got?.status).toBeGreaterThanOrEqual(400);
    expect(got && errorCode(got)).toMatch(/^[A-Z_]+$/);
    expect(head?.body.length).toBe(0);
    const told = ({ status, headers: { date: _, ...headers } }: Answer): unknown => ({ status, headers });
    const normal = (answer: Answer | undefined): unknown => answer && told(answer);
    if (path.endsWith('/uploads/')) return;
    expect(normal(head)).toEqual(normal(got));
  });
});

it('frees what a client held that hangs up in the middle of a malformed request', async () => {
  const before = us.requests.length;
  const connection = openRawConnection(us.address);
  connection.send(Buffer.from(`PUT /v2/a/manifests/x HTTP/1.1\r\n${host}Content-Length: 100\r\n\r\n{`));
  connection.end();
  await connection.next('PUT');
  await eventually(() => us.requests.length === before + 1);
  expect(us.requests.at(-1)).toMatchObject({ aborted: true });
});
