import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReadBuffers } from '#services/frontend/content/read-buffers.ts';
import type { Frontend } from '#services/frontend/frontend.ts';
import { routeTable } from '#services/frontend/routes.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import {
  errorCode,
  eventually,
  json,
  pushBlob,
  pushImage,
  sha256,
  someBytes,
  startTestFrontend,
  type TestFrontend,
} from './harness.ts';

const regions = memoryRegions('us', 'eu');
let us: TestFrontend;
let eu: TestFrontend;
beforeAll(async () => {
  us = await startTestFrontend(regions.us);
  eu = await startTestFrontend(regions.eu);
});
afterAll(async () => {
  await Promise.all([us.stop(), eu.stop()]);
  expect([...us.faults, ...eu.faults]).toEqual([]);
});

const refusalOf = (answer: Answer): [number, string] => [answer.status, errorCode(answer)];

describe('deleting a blob', () => {
  it('takes it from every region, where it was cached too, and leaves it to other repositories', async () => {
    const bytes = someBytes(1000);
    const digest = await pushBlob(us, 'delete/blob', bytes);
    await pushBlob(us, 'delete/other', bytes);
    const path = `/v2/delete/blob/blobs/${digest}`;
    for (const at of [us, eu, us, eu]) expect((await at.send('GET', path)).body.equals(bytes)).toBe(true);
    const answer = await us.send('DELETE', path);
    expect([answer.status, answer.body.length]).toEqual([202, 0]);
    expect(answer.headers['meridian-revision']).toMatch(/^memory:\d+$/);
    expect(refusalOf(await us.send('GET', path))).toEqual([404, 'BLOB_UNKNOWN']);
    let inEu = 200;
    await eventually(() => {
      eu.send('HEAD', path).then(
        ({ status }) => (inEu = status),
        () => undefined,
      );
      return inEu === 404;
    });
    expect((await eu.send('GET', `/v2/delete/other/blobs/${digest}`)).status).toBe(200);
    expect(refusalOf(await us.send('DELETE', path))).toEqual([404, 'BLOB_UNKNOWN']);
    await pushBlob(eu, 'delete/blob', bytes);
    expect((await us.send('GET', path)).status).toBe(200);
  });

  it('is refused while a manifest names it, with the methods that are not', async () => {
    const { layerDigest, digest } = await pushImage(us, 'delete/named', '1');
    const answer = await us.send('DELETE', `/v2/delete/named/blobs/${layerDigest}`);
    expect(refusalOf(answer)).toEqual([405, 'UNSUPPORTED']);
    expect(answer.headers.allow).toBe('HEAD, GET');
    expect((await us.send('DELETE', `/v2/delete/named/manifests/${digest}`)).status).toBe(202);
    expect((await us.send('DELETE', `/v2/delete/named/blobs/${layerDigest}`)).status).toBe(202);
  });

  it('obeys If-Match', async () => {
    const digest = await pushBlob(us, 'delete/match', someBytes(10));
    const path = `/v2/delete/match/blobs/${digest}`;
    const deletion = (ifMatch: string) => us.send('DELETE', path, { headers: { 'if-match': ifMatch } });
    expect(refusalOf(await deletion(`"${sha256(Buffer.of(1))}"`))).toEqual([412, 'PRECONDITION_FAILED']);
    expect(refusalOf(await deletion('"v1"'))).toEqual([400, 'REQUEST_INVALID']);
    expect((await deletion(`"${digest}"`)).status).toBe(202);
  });

  it('takes no malformed digest or name', async () => {
    expect(refusalOf(await us.send('DELETE', '/v2/a/blobs/sha256:x'))).toEqual([400, 'DIGEST_INVALID']);
    const path = `/v2/A/blobs/${sha256(Buffer.of(1))}`;
    expect(refusalOf(await us.send('DELETE', path))).toEqual([400, 'NAME_INVALID']);
  });
});

describe('deleting by digest with If-Match', () => {
  it('is decided by that digest alone', async () => {
    const { digest } = await pushImage(us, 'delete/digest', '1');
    const path = `/v2/delete/digest/manifests/${digest}`;
    const deletion = (ifMatch: string) => us.send('DELETE', path, { headers: { 'if-match': ifMatch } });
    const wrong = await deletion(`"${sha256(Buffer.of(1))}"`);
    expect(refusalOf(wrong)).toEqual([412, 'PRECONDITION_FAILED']);
    expect((await us.send('HEAD', path)).status).toBe(200);
    expect((await deletion('*')).status).toBe(202);
    expect(refusalOf(await deletion(`"${digest}"`))).toEqual([404, 'MANIFEST_UNKNOWN']);
  });
});

describe('with deletion turned off', () => {
  let off: TestFrontend;
  beforeAll(async () => {
    off = await startTestFrontend(regions.us, { settings: { deletion: 'off' } });
  });
  afterAll(() => off.stop());

  /** Each of them, whatever it may delete, with values for what the path leaves open. */
  const deletions = routeTable({ settings: {} } as Frontend, {} as ReadBuffers).flatMap(
    ([method, path, , , effect]) => (method === 'delete' ? [{ path, effect }] : []),
  );
  const digest = sha256(Buffer.of(1));
  const filled = (path: string, name: string): string =>
    path.replace('*name', name).replace(':digest', digest).replace(/:\w+/, 'some');

  it('is no method that another refusal names', async () => {
    for (const { path, effect } of deletions) {
      const answer = await off.send('PROPFIND', filled(path, 'a'));
      expect(answer.status, path).toBe(405);
      const allowed = (answer.headers.allow ?? '').split(', ');
      expect(allowed.includes('DELETE'), path).toBe(effect === 'deletes no content');
    }
  });

  it('every route that deletes refuses, but for those that delete no content', async () => {
    expect(deletions.length).toBeGreaterThanOrEqual(3);
    for (const { path, effect } of deletions) {
      for (const name of ['a', 'a/b', 'a%2Fb', 'NOT/A/NAME']) {
        const answer = await off.send('DELETE', filled(path, name));
        if (effect === 'deletes no content') expect(answer.status, path).not.toBe(405);
        else {
          expect(refusalOf(answer), path).toEqual([405, 'UNSUPPORTED']);
          const { errors } = json(answer) as { errors: [{ message: string }] };
          expect(errors[0].message).toContain('turned off');
          expect(answer.headers.allow).toMatch(/^HEAD, GET/);
        }
      }
    }
  });

  it('nothing is lost, and all else goes on', async () => {
    const { digest, bytes, layerDigest } = await pushImage(off, 'kept/app', '1');
    for (const form of ['kept/app', 'kept%2Fapp']) {
      for (const path of [
        `/v2/${form}/manifests/1`,
        `/v2/${form}/manifests/1?x=y`,
        `/v2/${form}/manifests/${digest}`,
        `/v2/${form}/manifests/${encodeURIComponent(digest)}`,
        `/v2/${form}/blobs/${layerDigest}`,
      ]) {
        expect((await off.send('DELETE', path)).status, path).toBe(405);
      }
      for (const path of [
        `/v2/${form}/manifests/1/`,
        `/v2/${form}//manifests/1`,
        `/v2/./${form}/manifests/1`,
      ]) {
        expect((await off.send('DELETE', path)).status, path).toBeGreaterThanOrEqual(400);
      }
    }
    expect((await off.send('GET', '/v2/kept/app/manifests/1')).body.equals(bytes)).toBe(true);
    expect((await off.send('HEAD', `/v2/kept/app/blobs/${layerDigest}`)).status).toBe(200);
    const upload = await off.send('POST', '/v2/kept/app/blobs/uploads/');
    expect((await off.send('DELETE', upload.headers.location ?? '')).status).toBe(204);
  });
});
