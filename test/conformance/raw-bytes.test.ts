import { describe, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { image, piece, pushContent, rootOf } from '#test/support/content.ts';
import { exchange } from '#test/support/exchange.ts';
import { acrossRegions } from '#test/support/routes.ts';

const escaped = '\\u0061\\/b \\ud83e\\uddab';

/** Ways to write one image manifest that a program which parses and writes it again would not keep. */
const spellings: Record<string, (json: string) => string> = {
  'indented with tabs': (json) => JSON.stringify(JSON.parse(json), undefined, '\t'),
  'lines that end as in Windows': (json) =>
    JSON.stringify(JSON.parse(json), undefined, 2).replaceAll('\n', '\r\n'),
  'white space around everything': (json) =>
    ` \r\n\t${json.replaceAll(/([:,[\]{}])(?=["{[\]}])/g, '$1 \t ')}\n\n`,
  'a line break at the end': (json) => `${json}\n`,
  'keys in another order': (json) =>
    JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(json) as object).reverse())),
  'fields that nobody knows': (json) => json.replace('{', '{"x-unknown":{"a":[1.0,1e2,-0,null]},"":"",'),
  'escaped characters': (json) => json.replace('{', `{"annotations":{"${escaped}":"${escaped}"},`),
  'characters of all kinds': (json) =>
    json.replace('{', '{"annotations":{"ключ":"値 🦫 \u00e9 e\u0301 \u2028 \u007f"},'),
  'a lone surrogate, escaped': (json) => json.replace('{', '{"x-unknown":"\\ud800",'),
  'numbers beyond a double': (json) => json.replace('{', '{"x-unknown":12345678901234567890.10000,'),
  'null for what is missing': (json) => json.replace('{', '{"subject":null,"annotations":null,'),
};

// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests: the exact byte representation
describe.each(acrossRegions)('the bytes of a manifest, $name and where it was written', (route) => {
  const repository = route.repository('conformance/raw-bytes');

  it.each(Object.keys(spellings))('are kept with %s', async (spelling) => {
    const content = image(`${repository}/${spelling}`);
    const json = rootOf(content).bytes.toString();
    const written = piece(spellings[spelling]?.(json) ?? '', OCI_MANIFEST);
    const tag = spelling.replaceAll(/[^a-z]+/g, '-');
    await pushContent(route.write, repository, { ...content, manifests: [written] }, tag);
    for (const [registry, reference] of [
      [route.read, tag],
      [route.read, written.digest],
      [route.write, tag],
    ] as const) {
      await exchange(registry, repository, {
        name: spelling,
        request: `GET /v2/<name>/manifests/${reference}`,
        sent: { headers: { 'accept-encoding': 'gzip' } },
        status: 200,
        headers: { 'docker-content-digest': written.digest, 'content-type': OCI_MANIFEST },
        body: written.bytes,
      });
    }
  });

  it('are those of each of two indexes that differ in one space only', async () => {
    const [dense, spaced] = ['', ' '].map((space) =>
      piece(`{"schemaVersion":2,${space}"mediaType":"${OCI_INDEX}","manifests":[]}`, OCI_INDEX),
    ) as [ReturnType<typeof piece>, ReturnType<typeof piece>];
    for (const index of [dense, spaced]) {
      await pushContent(route.write, repository, { blobs: [], manifests: [index] });
    }
    for (const { digest, bytes } of [dense, spaced]) {
      const request = `GET /v2/<name>/manifests/${digest}`;
      await exchange(route.read, repository, { name: 'index', request, status: 200, body: bytes });
    }
  });
});
