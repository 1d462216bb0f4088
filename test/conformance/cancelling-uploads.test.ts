import { describe, expect, it } from 'vitest';
import { piece, seededBlob } from '#test/support/content.ts';
import { exchange, NOTHING } from '#test/support/exchange.ts';
import { send } from '#test/support/registry-client.ts';
import { routes } from '#test/support/routes.ts';
import { takeSteps, type Step } from '#test/support/upload-steps.ts';

const START: Step = { request: 'POST /v2/<name>/blobs/uploads/', status: 202 };
const CANCEL: Step = { request: 'DELETE <location>', status: 204, body: NOTHING };
const unknown = (request: string): Step => ({ request, status: 404, code: 'BLOB_UPLOAD_UNKNOWN' });

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#cancel-a-blob-upload
describe.each(routes)('cancelling an upload, $name', (route) => {
  const repository = route.repository('conformance/cancelling-uploads');
  const blob = piece(seededBlob(repository, 1000), 'x/y');
  const chunk: Step = { request: 'PATCH <location>', sent: { body: blob.bytes }, status: 202 };
  const requests = [
    `PUT <location>?digest=${blob.digest}`,
    'PATCH <location>',
    'GET <location>',
    'DELETE <location>',
  ];

  it.each([
    ['before anything arrived', [START, CANCEL]],
    ['with bytes', [START, chunk, CANCEL]],
  ])('ends it %s for all requests, and nothing is there', async (_when, steps) => {
    await takeSteps([route.write, route.read], repository, [...steps, ...requests.map(unknown)]);
    const pull = { name: 'pull', request: `GET /v2/<name>/blobs/${blob.digest}`, status: 404 };
    await exchange(route.read, repository, { ...pull, code: 'BLOB_UNKNOWN' });
  });

  it('that is finished is 404', async () => {
    const whole = piece(seededBlob(`${repository}/whole`, 1000), 'x/y');
    const opened = await send(route.write, 'POST', `/v2/${repository}/blobs/uploads/`);
    const location = String(opened.headers.location);
    const body = { body: whole.bytes };
    const put = await send(route.write, 'PUT', `${location}?digest=${whole.digest}`, body);
    expect(put.status).toBe(201);
    await exchange(route.read, repository, { name: 'cancel', ...unknown(`DELETE ${location}`) });
    const pull = { name: 'pull', request: `GET /v2/<name>/blobs/${whole.digest}`, status: 200 };
    await exchange(route.read, repository, { ...pull, body: whole.bytes });
  });
});
