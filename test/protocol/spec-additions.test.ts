import { describe, expect, it } from 'vitest';
import { httpStatusOf, RegistryError } from '#libs/oci/errors.ts';
import { OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { MAX_WARNING_BYTES, warning } from '#libs/oci/warning.ts';
import { errorHeaders } from '#services/frontend/http/errors.ts';
import {
  descriptor,
  image,
  piece,
  pushBlob,
  pushContent,
  rootOf,
  seededBlob,
} from '#test/support/content.ts';
import { exchange } from '#test/support/exchange.ts';
import { send } from '#test/support/registry-client.ts';
import { registry, STRONG } from '#test/support/routes.ts';
import { takeSteps } from '#test/support/upload-steps.ts';

const [us, eu] = [registry('us'), registry('eu')];
const START = { request: 'POST /v2/<name>/blobs/uploads/', status: 202 };

describe('what the distribution spec has added since 1.1.1', () => {
  it('manifest PUT by digest with ?tag= (several) and OCI-Tag in the answer', async () => {
    const repository = 'protocol/tag-parameter';
    const content = image(repository);
    const { bytes, digest } = rootOf(content);
    for (const blob of content.blobs) await pushBlob(us, repository, blob);
    const request = `PUT /v2/<name>/manifests/${digest}?tag=1.2.3&tag=1.2&tag=1&tag=latest`;
    const sent = { body: bytes, headers: { 'content-type': OCI_MANIFEST } };
    const headers = { 'oci-tag': '1.2.3, 1.2, 1, latest' };
    await exchange(us, repository, { name: 'put', request, sent, status: 201, headers });
    for (const tag of ['1.2.3', '1.2', '1', 'latest']) {
      const get = `GET /v2/<name>/manifests/${tag}`;
      await exchange(eu, repository, { name: tag, request: get, status: 200, body: bytes });
    }
  });

  it('DELETE of an upload cancels it', async () => {
    await takeSteps([us, eu], 'protocol/cancel', [
      START,
      { request: 'PATCH <location>', sent: { body: 'bytes' }, status: 202 },
      { request: 'DELETE <location>', status: 204 },
      { request: 'GET <location>', status: 404, code: 'BLOB_UPLOAD_UNKNOWN' },
    ]);
  });

  it('digest-algorithm is taken, and 400 where it is not supported', async () => {
    const { bytes, digest } = piece('announced', 'x/y', 'sha512');
    const start = { ...START, request: `${START.request}?digest-algorithm=sha512` };
    await takeSteps([us], 'protocol/algorithm', [
      start,
      { request: `PUT <location>?digest=${digest}`, sent: { body: bytes }, status: 201 },
    ]);
    const unknown = { ...start, request: start.request.replace('sha512', 'blake3'), status: 400 };
    await exchange(us, 'protocol/algorithm', { name: 'unknown', ...unknown, code: 'DIGEST_INVALID' });
  });

  it('Docker-Content-Digest is required: on every answer that gives or takes content', async () => {
    const repository = 'protocol/digest-header';
    const content = image(repository);
    const put = await pushContent(us, repository, content, 'latest');
    const layer = content.blobs[1] ?? piece('', '');
    const { digest } = rootOf(content);
    expect(put.headers['docker-content-digest']).toBe(digest);
    const told = async (method: string, path: string, expected: string): Promise<void> => {
      const answer = await send(us, method, `/v2/${repository}/${path}`, {
        body: method === 'POST' ? layer.bytes : '',
      });
      expect([path, answer.headers['docker-content-digest']]).toEqual([path, expected]);
    };
    for (const method of ['GET', 'HEAD']) {
      await told(method, 'manifests/latest', digest);
      await told(method, `manifests/${digest}`, digest);
      await told(method, `blobs/${layer.digest}`, layer.digest);
    }
    await told('POST', `blobs/uploads/?digest=${layer.digest}`, layer.digest);
    await told('POST', `blobs/uploads/?mount=${layer.digest}&from=${repository}`, layer.digest);
  });

  it('416 for a bad chunk on PUT as well as PATCH', async () => {
    const { bytes, digest } = piece('0123456789', 'x/y');
    const chunk = (range: string): object => ({
      body: bytes.subarray(5),
      headers: { 'content-range': range },
    });
    await takeSteps([us, eu], 'protocol/bad-chunk', [
      START,
      { request: 'PATCH <location>', sent: { body: bytes.subarray(0, 5) }, status: 202 },
      { request: 'PATCH <location>', sent: chunk('7-11'), status: 416, code: 'RANGE_INVALID' },
      { request: `PUT <location>?digest=${digest}`, sent: chunk('7-11'), status: 416, code: 'RANGE_INVALID' },
      { request: `PUT <location>?digest=${digest}`, sent: chunk('5-9'), status: 201 },
    ]);
  });

  it('?ns= is taken and has no meaning here, so no OCI-Namespace is told', async () => {
    const content = image('protocol/ns');
    await pushContent(us, 'protocol/ns', content, 'latest');
    const request = 'GET /v2/<name>/manifests/latest?ns=docker.io';
    const headers = { 'oci-namespace': undefined };
    await exchange(us, 'protocol/ns', {
      name: 'ns',
      request,
      status: 200,
      headers,
      body: rootOf(content).bytes,
    });
  });

  it('Retry-After with 429', () => {
    const error = new RegistryError('TOOMANYREQUESTS', 'Too many requests; wait.', {
      retryAfterSeconds: 1.2,
    });
    expect([httpStatusOf(error.code), errorHeaders(error)]).toEqual([429, { 'Retry-After': '2' }]);
  });

  it('sha512 goes everywhere that sha256 goes', async () => {
    const repository = 'protocol/sha512';
    const content = image(repository, { algorithm: 'sha512' });
    const { digest } = rootOf(content);
    const blob = piece(seededBlob(repository, 3000), 'x/y', 'sha512');
    await pushContent(us, repository, content);
    await pushBlob(us, `${repository}/other`, blob);
    const request = `POST /v2/<name>/blobs/uploads/?mount=${blob.digest}&from=${repository}/other`;
    await exchange(us, repository, { name: 'mount', request, status: 201 });
    const { headers } = await pushContent(
      us,
      repository,
      image(`${repository}/referrer`, {
        algorithm: 'sha512',
        manifest: { subject: descriptor(rootOf(content)) },
      }),
    );
    expect(headers['oci-subject']).toBe(digest);
    const get = async (path: string, status = 200): Promise<void> => {
      const sent = { headers: STRONG };
      await exchange(eu, repository, { name: path, request: `GET /v2/<name>/${path}`, sent, status });
    };
    for (const path of [`manifests/${digest}`, `blobs/${blob.digest}`, `referrers/${digest}`])
      await get(path);
    for (const path of [`manifests/${digest}`, `blobs/${blob.digest}`]) {
      await exchange(us, repository, { name: path, request: `DELETE /v2/<name>/${path}`, status: 202 });
    }
    await get(`manifests/${digest}`, 404);
  });

  it('Warning: 299 - "text", at most 4096 bytes in all', () => {
    expect(warning('Tags may have moved.')).toBe('299 - "Tags may have moved."');
    expect(MAX_WARNING_BYTES).toBe(4096);
    expect(warning('"long" '.repeat(2000)).length).toBeLessThanOrEqual(4096);
  });

  it('Mount: 201, else 202 with a usable session', async () => {
    const blob = piece(seededBlob('protocol/mount', 3000), 'x/y');
    const mount = `POST /v2/<name>/blobs/uploads/?mount=${blob.digest}&from=protocol/mount`;
    await takeSteps([us, eu], 'protocol/mount-to', [
      { request: mount, status: 202, headers: { range: '0-0' } },
      { request: `PUT <location>?digest=${blob.digest}`, sent: { body: blob.bytes }, status: 201 },
    ]);
    await pushBlob(us, 'protocol/mount', blob);
    await exchange(eu, 'protocol/mount-to/third', { name: 'mount', request: mount, status: 201 });
  });

  it('Mount: from is optional (anonymous mount)', async () => {
    const blob = piece(seededBlob('protocol/anonymous', 3000), 'x/y');
    await pushBlob(us, 'protocol/anonymous', blob);
    const request = `POST /v2/<name>/blobs/uploads/?mount=${blob.digest}`;
    await exchange(us, 'protocol/anonymous-to', { name: 'mount', request, status: 201 });
    const pull = { request: `GET /v2/<name>/blobs/${blob.digest}`, status: 200, body: blob.bytes };
    await exchange(eu, 'protocol/anonymous-to', { name: 'pull', ...pull });
  });

  it('a PUT whose subject is an index answers OCI-Subject too', async () => {
    const subject = piece(`{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[]}`, OCI_INDEX);
    const content = image('protocol/subject', { manifest: { subject: descriptor(subject) } });
    const { headers } = await pushContent(us, 'protocol/subject', content);
    expect(headers['oci-subject']).toBe(subject.digest);
  });
});
