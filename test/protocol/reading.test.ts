import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { OCI_FOREIGN_LAYER_GZIP } from '#libs/oci/mediatype.ts';
import { digestOf, image, piece, pushBlob, pushContent, rootOf, seededBlob } from '#test/support/content.ts';
import { exchange, NOTHING } from '#test/support/exchange.ts';
import { open, send } from '#test/support/registry-client.ts';
import { registry } from '#test/support/routes.ts';

const [us, eu, ap] = [registry('us'), registry('eu'), registry('ap')];

describe('reading, as clients do it', () => {
  const name = 'protocol/reading';
  const content = image(name, {
    manifest: { annotations: { padding: 'so long that it would pay to compress '.repeat(200) } },
  });
  const { bytes, digest, mediaType } = rootOf(content);
  beforeAll(async () => {
    await pushContent(us, name, content, 'latest');
  });

  it('/v2/ answers only 200 or 401', async () => {
    for (const region of [us, eu, ap]) {
      for (const method of ['GET', 'HEAD']) {
        for (const headers of [
          {},
          { authorization: 'Basic eDp5' },
          { authorization: 'Bearer x' },
          { accept: 'text/html' },
        ]) {
          const { status } = await send(region, method, '/v2/', { headers });
          expect(status).toBeOneOf([200, 401]);
        }
      }
    }
  });

  it('HEAD on a manifest has Content-Length and digest, or clients would fetch it again', async () => {
    const headers = {
      'content-length': String(bytes.length),
      'docker-content-digest': digest,
      'content-type': mediaType,
    };
    for (const reference of ['latest', digest]) {
      const request = `HEAD /v2/<name>/manifests/${reference}`;
      for (const region of [us, eu])
        await exchange(region, name, { name: reference, request, status: 200, headers, body: NOTHING });
    }
  });

  it('Accept: */* returns the stored bytes; nothing is re-serialized or compressed for Accept-Encoding: zstd,gzip', async () => {
    const layer = piece('compresses well '.repeat(5000), 'x/y');
    await pushBlob(us, name, layer);
    const headers = { accept: '*/*', 'accept-encoding': 'zstd,gzip' };
    for (const [path, body] of [
      ['manifests/latest', bytes],
      [`blobs/${layer.digest}`, layer.bytes],
    ] as const) {
      const expected = {
        status: 200,
        headers: { 'content-encoding': undefined, 'content-length': String(body.length) },
        body,
      };
      for (const region of [us, eu])
        await exchange(region, name, {
          name: path,
          request: `GET /v2/<name>/${path}`,
          sent: { headers },
          ...expected,
        });
    }
  });

  it('parallel pulls send open-ended bytes=N- and hang up; each range that is read to its end is right', async () => {
    const large = piece(seededBlob(`${name}/large`, 6_000_000), 'x/y');
    await pushBlob(us, name, large);
    const offsets = [0, 1_000_000, 2_500_000, 5_999_999];
    const ranged = (offset: number) =>
      open(eu, 'GET', `/v2/${name}/blobs/${large.digest}`, { headers: { range: `bytes=${offset}-` } });
    for (const offset of offsets) {
      const answer = await ranged(offset);
      expect(answer.statusCode).toBe(206);
      answer.on('error', () => undefined).destroy();
    }
    await Promise.all(
      offsets.map(async (offset) => {
        const chunks: Buffer[] = [];
        for await (const chunk of (await ranged(offset)) as AsyncIterable<Buffer>) chunks.push(chunk);
        expect(Buffer.concat(chunks).equals(large.bytes.subarray(offset))).toBe(true);
      }),
    );
  });

  it('HEAD of a blob is answered here, never by a redirect, where a GET would lead elsewhere too', async () => {
    const blob = piece(seededBlob(`${name}/head`, 300_000), 'x/y');
    await pushBlob(us, name, blob);
    const headers = { location: undefined, 'content-length': '300000', 'docker-content-digest': blob.digest };
    for (const region of [ap, us]) {
      const request = `HEAD /v2/<name>/blobs/${blob.digest}`;
      await exchange(region, name, { name: 'head', request, status: 200, headers, body: NOTHING });
    }
  });

  it('a manifest 404 makes containerd try /blobs/<digest>: that is 404 in every region, never a 5xx', async () => {
    const absent = digestOf('neither manifest nor blob');
    for (const region of [us, eu, ap]) {
      for (const repository of [name, 'protocol/no-such-repository']) {
        for (const path of [`manifests/${absent}`, `blobs/${absent}`]) {
          await exchange(region, repository, { name: path, request: `GET /v2/<name>/${path}`, status: 404 });
        }
      }
    }
  });

  it('foreign (non-distributable) layers need not exist, and the registry never fetches their URLs', async () => {
    let fetched = 0;
    const elsewhere = createServer((_request, response) => {
      fetched += 1;
      response.end();
    });
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/layer`;
    const foreign = { mediaType: OCI_FOREIGN_LAYER_GZIP, digest: digestOf('foreign'), size: 7, urls: [url] };
    const windows = image(`${name}/windows`, { manifest: { layers: [foreign] } });
    await pushContent(us, name, windows, 'windows');
    const pulled = await send(eu, 'GET', `/v2/${name}/manifests/windows`);
    expect(pulled.body.equals(rootOf(windows).bytes)).toBe(true);
    const request = `GET /v2/<name>/blobs/${foreign.digest}`;
    await exchange(eu, name, { name: 'foreign', request, status: 404, code: 'BLOB_UNKNOWN' });
    expect(fetched).toBe(0);
    await new Promise((resolve) => elsewhere.close(resolve));
  });
});
