import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import { errorCode, eventually, sendRaw, startTestFrontend, type TestFrontend } from './harness.ts';

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
    ['Meridian-Consistency', 'weak'],
  ])('is 400 for %s: %s', async (name, value) => {
    const answer = await us.send('GET', '/v2/a/manifests/x', { headers: { [name]: value } });
    expect([answer.status, errorCode(answer)]).toEqual([400, 'REQUEST_INVALID']);
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
