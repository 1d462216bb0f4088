import { describe, expect, it } from 'vitest';
import { OCI_INDEX } from '#libs/oci/mediatype.ts';
import { kinds } from '#test/conformance/kinds.ts';
import { openRawConnection } from '#test/support/raw-connection.ts';
import { image, piece, pushContent, putManifest, rootOf, type Content } from '#test/support/content.ts';
import { exchange } from '#test/support/exchange.ts';
import { send } from '#test/support/registry-client.ts';
import { registry, STRONG } from '#test/support/routes.ts';

const [us, eu] = [registry('us'), registry('eu')];
const LIMIT = 4 * 1024 * 1024;

describe('manifests, as clients push and delete them', () => {
  it.each([
    'a BuildKit cache index, which lists layers',
    'an index of indexes',
    'a Docker image',
    'a Docker list',
    'an OCI index of a Docker image',
  ])(
    'BuildKit cache indexes list layers as children: accepted; nested indexes; Docker and OCI media types alike: %s',
    async (kind) => {
      const content: Content | undefined = kinds[kind]?.(`protocol/${kind}`);
      if (content === undefined) throw new Error(`There is no kind ${kind}.`);
      await pushContent(us, 'protocol/kinds', content, 'latest');
      const request = 'GET /v2/<name>/manifests/latest';
      const { bytes, mediaType } = rootOf(content);
      const headers = { 'content-type': mediaType };
      const sent = { headers: STRONG };
      await exchange(eu, 'protocol/kinds', { name: kind, request, sent, status: 200, headers, body: bytes });
    },
  );

  it('DELETE by tag removes the tag; DELETE by digest removes the manifest and its tags', async () => {
    const name = 'protocol/delete';
    const content = image(name);
    const { digest } = rootOf(content);
    await pushContent(us, name, content, 'one', 'two', 'three');
    const remove = (reference: string) =>
      exchange(us, name, {
        name: reference,
        request: `DELETE /v2/<name>/manifests/${reference}`,
        status: 202,
      });
    const statuses = async (): Promise<number[]> => {
      const references = ['one', 'two', 'three', digest];
      const paths = references.map((reference) => `/v2/${name}/manifests/${reference}`);
      return Promise.all(
        paths.map(async (path) => (await send(eu, 'GET', path, { headers: STRONG })).status),
      );
    };
    await remove('one');
    expect(await statuses()).toEqual([404, 200, 200, 200]);
    await remove(digest);
    expect(await statuses()).toEqual([404, 404, 404, 404]);
  });

  const ofSize = (size: number): ReturnType<typeof piece> => {
    const empty = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"annotations":{"a":""}}`;
    return piece(empty.replace('"a":""', `"a":"${'x'.repeat(size - empty.length)}"`), OCI_INDEX);
  };
  it('manifests up to 4 MiB are accepted, 413 beyond', async () => {
    const [largest, larger] = [ofSize(LIMIT), ofSize(LIMIT + 1)];
    await pushContent(us, 'protocol/large', { blobs: [], manifests: [largest] }, 'largest');
    const request = 'GET /v2/<name>/manifests/largest';
    await exchange(eu, 'protocol/large', { name: 'largest', request, status: 200, body: largest.bytes });
    expect((await putManifest(us, 'protocol/large', larger, 'larger')).status).toBe(413);
  });
  it.each([
    ['said to be so', 'Content-Length: 99999999999\r\n\r\n{'],
    [
      'never ending',
      `Transfer-Encoding: chunked\r\n\r\n${`100000\r\n${'x'.repeat(0x100000)}\r\n`.repeat(5)}`,
    ],
  ])('a manifest beyond 4 MiB is 413 without reading it all: %s', async (_what, rest) => {
    const connection = openRawConnection(us);
    connection.send(Buffer.from(`PUT /v2/protocol/large/manifests/x HTTP/1.1\r\nHost: x\r\n${rest}`));
    expect((await connection.next('PUT'))?.status).toBe(413);
    connection.destroy();
  });
});
