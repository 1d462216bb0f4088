import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import { errorCode, eventually, sendRaw, sha256, startTestFrontend, type TestFrontend } from './harness.ts';

const { us: region } = memoryRegions('us');
let us: TestFrontend;
beforeAll(async () => {
  us = await startTestFrontend(region);
});
afterAll(async () => {
  await us.stop();
  expect(us.faults).toEqual([]);
});

const raw = (text: string): Promise<Answer> => sendRaw(us.address, text);

describe('what is no route', () => {
  it('is 404 in the shape of the spec', async () => {
    for (const path of [
      '/',
      '/v1/',
      '/v2/_catalog/x',
      '/v2/a',
      '/v2/a/',
      '/v2//tags/list',
      '/v2/a/manifests/',
      '/V2/',
    ]) {
      const answer = await us.send('GET', path);
      expect([answer.status, errorCode(answer)], path).toEqual([404, 'NAME_UNKNOWN']);
      expect(answer.headers['content-type']).toBe('application/json');
    }
  });

  it.each([
    ['POST', '/v2/', 'HEAD, GET'],
    ['PATCH', '/v2/a/manifests/x', 'HEAD, GET, PUT, DELETE'],
    ['PROPFIND', '/v2/a/tags/list', 'HEAD, GET'],
    ['GET', '/v2/a/blobs/uploads/', 'POST'],
  ])('is 405 with Allow for %s %s', async (method, path, allow) => {
    const answer = await us.send(method, path);
    expect([answer.status, errorCode(answer)]).toEqual([405, 'UNSUPPORTED']);
    expect(answer.headers.allow).toBe(allow);
  });

  it('tells on OPTIONS what is there', async () => {
    const answer = await us.send('OPTIONS', '/v2/a/tags/list');
    expect(answer.status).toBe(200);
    expect(answer.headers.allow).toBe('HEAD, GET');
  });
});

describe('the base', () => {
  it('answers 200 and names the API', async () => {
    for (const path of ['/v2/', '/v2']) {
      const answer = await us.send('GET', path);
      expect(answer.status).toBe(200);
      expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0');
    }
    expect((await us.send('GET', '/healthz')).status).toBe(200);
  });
});

describe('requests that are not as they should be', () => {
  it.each([
    ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n', 400],
    ['nonsense\r\n\r\n', 400],
    ['POST /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    [`GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    [`GET /v2/${'y'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  ])('are answered in the shape of the spec', async (text, status) => {
    const answer = await raw(text);
    expect([answer.status, errorCode(answer)]).toEqual([status, 'REQUEST_INVALID']);
  });

  it.each([
    ['Meridian-Min-Revision', 'x'],
    ['Meridian-Min-Revision', 'memory:'],
    ['Meridian-Min-Revision', 'memory:99999999999999999'],
    ['Meridian-Min-Revision', 'memory:99999'],
    ['Meridian-Min-Revision', 'other:1'],
    ['Meridian-Consistency', 'weak'],
  ])('is 400 for %s: %s', async (name, value) => {
    const answer = await us.send('GET', '/v2/a/manifests/x', { headers: { [name]: value } });
    expect([answer.status, errorCode(answer)]).toEqual([400, 'REQUEST_INVALID']);
  });
});

describe('whatever is sent', () => {
  const digest = sha256(Buffer.from('x'));
  const piece = fc.oneof(
    fc.constantFrom(
      'v2',
      '_catalog',
      'blobs',
      'uploads',
      'manifests',
      'tags',
      'list',
      'referrers',
      '..',
      '',
      '%2F',
      '%00',
      '%',
      digest,
      'a',
      'latest',
      'us.a.b',
    ),
    fc.string({ maxLength: 12 }).map(encodeURIComponent),
    fc.webFragments().map((text) => text.replaceAll('#', '')),
  );
  const path = fc.array(piece, { maxLength: 7 }).map((pieces) => `/${['v2', ...pieces].join('/')}`);
  const value = fc.oneof(
    fc.constantFrom(
      '0-9',
      'bytes=0-',
      'bytes 0-1/2',
      '"*"',
      '*',
      digest,
      `"${digest}"`,
      'application/json',
      'memory:1',
      '0',
      'strong',
    ),
    fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, '')),
  );
  const name = fc.constantFrom(
    'Range',
    'If-Range',
    'If-Match',
    'If-None-Match',
    'Content-Range',
    'Content-Type',
    'Accept',
    'Meridian-Min-Revision',
    'Meridian-Consistency',
    'Traceparent',
    'Cookie',
  );
  const query = fc.array(
    fc.tuple(
      fc.constantFrom('n', 'last', 'digest', 'mount', 'from', 'tag', 'artifactType', 'digest-algorithm'),
      value,
    ),
    { maxLength: 3 },
  );
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE');

  it('is answered with success or an error in the shape of the spec, never with a fault, and stores nothing', async () => {
    const before = await region.storage.stats({}, { signal: new AbortController().signal });
    await fc.assert(
      fc.asyncProperty(
        method,
        path,
        query,
        fc.array(fc.tuple(name, value), { maxLength: 3 }),
        fc.string({ maxLength: 30 }),
        async (verb, target, parameters, headers, body) => {
          const search = parameters.map(([key, text]) => `${key}=${encodeURIComponent(text)}`).join('&');
          const lines = headers.map(([key, text]) => `${key}: ${text}\r\n`).join('');
          const bytes = Buffer.from(body);
          const head = `${verb} ${target}?${search} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines}Content-Length: ${bytes.length}\r\n\r\n`;
          const answer = await sendRaw(
            us.address,
            Buffer.concat([Buffer.from(head), bytes]),
            verb === 'HEAD',
          );
          expect(answer.status).toBeLessThan(500);
          if (answer.status >= 400 && verb !== 'HEAD') expect(errorCode(answer)).toMatch(/^[A-Z_]+$/);
        },
      ),
      { numRuns: 400 },
    );
    const after = await region.storage.stats({}, { signal: new AbortController().signal });
    expect(after.blobs).toBe(before.blobs);
  });
});

describe('a front end that stops', () => {
  it('finishes what runs, takes nothing new, and cuts what outlasts the grace', async () => {
    const { us: other } = memoryRegions('us');
    const release = Promise.withResolvers<undefined>();
    let asked = 0;
    const frontend = await startTestFrontend(other, {
      collaborators: {
        catalog: {
          ...other.catalog.catalog,
          listRepositories: async (request, context) => {
            asked += 1;
            await release.promise;
            return other.catalog.catalog.listRepositories(request, context);
          },
        },
      },
    });
    await frontend.send('GET', '/v2/');
    const running = frontend.send('GET', '/v2/_catalog');
    await eventually(() => asked === 1);
    const stopped = frontend.stop(10_000);
    await expect(sendRaw(frontend.address, 'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n')).rejects.toThrow();
    release.resolve(undefined);
    expect((await running).status).toBe(200);
    await stopped;
  });
});
