import { beforeAll, describe } from 'vitest';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { descriptor, digestOf, image, piece, pushContent, rootOf } from '#test/support/content.ts';
import { itAnswers, type Exchange } from '#test/support/exchange.ts';
import { routes } from '#test/support/routes.ts';

const MEGABYTE = 1024 * 1024;

interface Refused {
  readonly body: string | Buffer;
  readonly type?: string;
  readonly reference?: string;
  readonly code: 'MANIFEST_INVALID' | 'MANIFEST_BLOB_UNKNOWN' | 'DIGEST_INVALID' | 'TOO_LARGE';
}

const STATUS = { MANIFEST_INVALID: 400, MANIFEST_BLOB_UNKNOWN: 404, DIGEST_INVALID: 400, TOO_LARGE: 413 };

/** What must be refused although the blobs of `json`, a valid image manifest, are there. */
function refusals(json: string, seed: string): Record<string, Refused> {
  const value = JSON.parse(json) as { config: { digest: string }; layers: object[] };
  const invalid = (body: string | Buffer, type = OCI_MANIFEST): Refused => ({
    body,
    type,
    code: 'MANIFEST_INVALID',
  });
  const changed = (fields: object, type = OCI_MANIFEST): Refused =>
    invalid(JSON.stringify({ ...value, ...fields }), type);
  const absent = descriptor(piece(`absent ${seed}`, OCI_LAYER_GZIP));
  const absentChild = descriptor(piece(`absent ${seed}`, OCI_MANIFEST));
  const index = { schemaVersion: 2, mediaType: OCI_INDEX };
  const unknown = (fields: object, type = OCI_MANIFEST): Refused => ({
    ...changed(fields, type),
    code: 'MANIFEST_BLOB_UNKNOWN',
  });
  return {
    'no JSON': invalid('{'),
    'no object': invalid('[]'),
    nothing: invalid(''),
    'bytes that are not UTF-8': invalid(
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]),
    ),
    'a byte order mark': invalid(`\ufeff${json}`),
    'something behind its end': invalid(`${json}x`),
    'another schema version': changed({ schemaVersion: 1 }),
    'no schema version': changed({ schemaVersion: undefined }),
    'no config': changed({ config: undefined }),
    'layers that are no list': changed({ layers: {} }),
    'a layer without a digest': changed({ layers: [{ ...value.layers[0], digest: undefined }] }),
    'a layer with a digest that is none': changed({ layers: [{ ...value.layers[0], digest: 'sha256:x' }] }),
    'a layer of negative size': changed({ layers: [{ ...value.layers[0], size: -1 }] }),
    'a layer whose size is a string': changed({ layers: [{ ...value.layers[0], size: '500' }] }),
    'annotations that are no strings': changed({ annotations: { a: 1 } }),
    'a type that is no manifest’s': changed({ mediaType: 'text/plain' }, 'text/plain'),
    'a header that says another type than the body': invalid(json, DOCKER_MANIFEST),
    'a header that says index of an image': invalid(json, OCI_INDEX),
    'both layers and manifests': changed({ manifests: [] }),
    'both manifests and layers': invalid(JSON.stringify({ ...index, manifests: [], layers: [] }), OCI_INDEX),
    'an index with a config': invalid(
      JSON.stringify({ ...index, manifests: [], config: value.config }),
      OCI_INDEX,
    ),
    'schema 1 fields': changed({ fsLayers: [] }),
    'a key twice': invalid(json.replace('{', '{"mediaType":"x",')),
    'a key twice, once escaped': invalid(json.replace('{', '{"l\\u0061yers":[],')),
    'a key twice in a descriptor': invalid(json.replace('"size":', '"size":1,"size":')),
    'a layer that is not there': unknown({ layers: [...value.layers, absent] }),
    'a config that is not there': unknown({ config: { ...absent, mediaType: 'application/x' } }),
    'a child that is not there': {
      body: JSON.stringify({ ...index, manifests: [absentChild] }),
      type: OCI_INDEX,
      code: 'MANIFEST_BLOB_UNKNOWN',
    },
    'a digest of other bytes': {
      body: json,
      type: OCI_MANIFEST,
      reference: digestOf('other'),
      code: 'DIGEST_INVALID',
    },
    'a digest of other bytes by one space': {
      body: `${json} `,
      type: OCI_MANIFEST,
      reference: digestOf(json),
      code: 'DIGEST_INVALID',
    },
    'more than 4 MiB': {
      ...changed({ annotations: { a: 'x'.repeat(4 * MEGABYTE) } }),
      code: 'TOO_LARGE',
    },
    'more descriptors than a manifest may have': {
      ...changed({ layers: Array.from({ length: 4001 }, () => value.layers[0]) }),
      code: 'TOO_LARGE',
    },
  };
}

describe.each(routes)('manifests that are refused, $name', (route) => {
  const repository = route.repository('conformance/refused-manifests');
  const content = image(repository);
  beforeAll(async () => {
    await pushContent(route.write, repository, content, 'fine');
  });

  const cases = Object.entries(refusals(rootOf(content).bytes.toString(), repository));
  for (const [what, { body, type, reference, code }] of cases) {
    const target = reference ?? 'refused';
    const put: Exchange = {
      name: `${what}: ${code}`,
      request: `PUT /v2/<name>/manifests/${target}`,
      sent: { body, headers: { 'content-type': type ?? OCI_MANIFEST } },
      status: STATUS[code],
      code,
    };
    itAnswers(route.write, repository, [put]);
    if (reference === undefined || reference !== rootOf(content).digest) {
      const get = {
        name: `${what}: nothing is there afterwards`,
        request: `GET /v2/<name>/manifests/${target}`,
      };
      itAnswers(route.read, repository, [{ ...get, status: 404, code: 'MANIFEST_UNKNOWN' }]);
    }
  }
});
