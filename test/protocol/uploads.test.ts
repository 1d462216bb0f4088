import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { describe, expect, it } from 'vitest';
import { pushBlob as pushTo, startTestFrontend } from '#test/contract/frontend/harness.ts';
import { digestOf, piece, pushBlob, seededBlob } from '#test/support/content.ts';
import { exchange } from '#test/support/exchange.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { send } from '#test/support/registry-client.ts';
import { registry } from '#test/support/routes.ts';
import { takeSteps, type Step } from '#test/support/upload-steps.ts';

const [us, eu, ap] = [registry('us'), registry('eu'), registry('ap')];
const START: Step = { request: 'POST /v2/<name>/blobs/uploads/', status: 202 };
const asked = (range: string): Step => ({
  request: 'GET <location>',
  status: 204,
  headers: { range, location: /\/blobs\/uploads\// },
});
const patch = (body: Buffer, status: number, range?: string): Step => ({
  request: 'PATCH <location>',
  sent: { body, ...(range === undefined ? {} : { headers: { 'content-range': range } }) },
  status,
});

describe('uploads, as clients make them', () => {
  it('cancelling an upload needs push, not delete: it goes on where deletion is off', async () => {
    const { us: region } = memoryRegions('us');
    const frontend = await startTestFrontend(region, { settings: { deletion: 'off' } });
    const { headers } = await frontend.send('POST', '/v2/a/blobs/uploads/');
    expect((await frontend.send('DELETE', String(headers.location))).status).toBe(204);
    const digest = await pushTo(frontend, 'a', Buffer.from('kept'));
    expect((await frontend.send('DELETE', `/v2/a/blobs/${digest}`)).status).toBe(405);
    await frontend.stop();
  });

  it('a mount from where the blob is not answers 202 as from where nothing is, so nothing is revealed and the client uploads', async () => {
    const secret = piece(seededBlob('protocol/secret', 1000), 'x/y');
    await pushBlob(us, 'protocol/secret', secret);
    const shapes = await Promise.all(
      ['protocol/other', 'protocol/no-such-repository'].map(async (from) => {
        await pushBlob(us, 'protocol/other', piece('other', 'x/y'));
        const path = `/v2/protocol/curious/blobs/uploads/?mount=${secret.digest}&from=${from}`;
        const { status, headers, body } = await send(us, 'POST', path);
        return [status, Object.keys(headers).sort(), body.length];
      }),
    );
    expect(shapes[0]?.[0]).toBe(202);
    expect(shapes[0]).toEqual(shapes[1]);
  });

  it('upload Range: 0-N has no bytes=; an empty upload says 0-0', async () => {
    await takeSteps([us, eu, ap], 'protocol/upload-range', [
      { ...START, headers: { range: '0-0' } },
      asked('0-0'),
      { ...patch(Buffer.from('12345'), 202), headers: { range: '0-4' } },
      asked('0-4'),
    ]);
  });

  it('PATCH comes without Content-Range (Docker, Podman) and with it; a bad chunk: 416, after which GET on the session gives 204 with Location and Range', async () => {
    const { bytes, digest } = piece('0123456789', 'x/y');
    await takeSteps([us, eu, ap], 'protocol/chunks', [
      START,
      patch(bytes.subarray(0, 3), 202),
      patch(bytes.subarray(3, 5), 202, '3-4'),
      { ...patch(bytes.subarray(6), 416, '6-9'), code: 'RANGE_INVALID' },
      asked('0-4'),
      patch(bytes.subarray(5), 202, 'bytes 5-9/10'),
      { request: `PUT <location>?digest=${digest}`, status: 201 },
    ]);
  });

  it('a malformed or mismatching digest: 400, never 500, never a tag lookup', async () => {
    for (const digest of ['sha256:abc', 'sha256-abc:', 'latest:x', `sha256:${'G'.repeat(64)}`, 'sha1:abc']) {
      for (const path of [`manifests/${digest}`, `blobs/${digest}`]) {
        const request = `GET /v2/<name>/${path}`;
        await exchange(us, 'protocol/digests', { name: path, request, status: 400, code: 'DIGEST_INVALID' });
      }
    }
    const mismatch = `POST /v2/<name>/blobs/uploads/?digest=${digestOf('one')}`;
    const sent = { body: 'other' };
    await exchange(us, 'protocol/digests', {
      name: 'x',
      request: mismatch,
      sent,
      status: 400,
      code: 'DIGEST_INVALID',
    });
    const manifest = `PUT /v2/<name>/manifests/${digestOf('one')}`;
    await exchange(us, 'protocol/digests', {
      name: 'x',
      request: manifest,
      sent,
      status: 400,
      code: 'DIGEST_INVALID',
    });
  });

  it('Location: its query is kept, and it names no host, so none changes', async () => {
    const { headers } = await send(us, 'POST', '/v2/protocol/location/blobs/uploads/');
    const location = String(headers.location);
    expect(location).toMatch(/^\/v2\/protocol\/location\/blobs\/uploads\/[^/?]+$/);
    const { bytes, digest } = piece('with a query of the client’s', 'x/y');
    const sent = { body: bytes };
    const put = await send(us, 'PUT', `${location}?_state=kept&digest=${encodeURIComponent(digest)}`, sent);
    expect([put.status, put.headers.location]).toEqual([201, `/v2/protocol/location/blobs/${digest}`]);
  });

  it('upload state survives landing on another node: each request of a push in another region', async () => {
    const { bytes, digest } = piece(seededBlob('protocol/roaming', 90_000), 'x/y');
    await takeSteps([us, eu, ap], 'protocol/roaming', [
      START,
      patch(bytes.subarray(0, 30_000), 202),
      asked('0-29999'),
      patch(bytes.subarray(30_000, 60_000), 202, '30000-59999'),
      { request: `PUT <location>?digest=${digest}`, sent: { body: bytes.subarray(60_000) }, status: 201 },
    ]);
    for (const region of [us, eu, ap]) {
      const pull = { request: `GET /v2/<name>/blobs/${digest}`, status: 200, body: bytes };
      await exchange(region, 'protocol/roaming', { name: 'pull', ...pull });
    }
  });

  it("Node's server.requestTimeout (300 s by default) doesn't kill slow uploads: there is none", async () => {
    const { us: region } = memoryRegions('us');
    const frontend = await startTestFrontend(region);
    const servers = new Set<Server>();
    const note = (message: unknown): void => void servers.add((message as { server: Server }).server);
    subscribe('http.server.request.start', note);
    await frontend.send('POST', '/v2/a/blobs/uploads/');
    unsubscribe('http.server.request.start', note);
    expect([...servers].map(({ requestTimeout, timeout }) => [requestTimeout, timeout])).toEqual([[0, 0]]);
    await frontend.stop();
  });
});
