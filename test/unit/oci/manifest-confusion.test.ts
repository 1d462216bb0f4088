import { describe, expect, it } from 'vitest';
import { parseManifest } from '#libs/oci/manifest.ts';
import { OCI_EMPTY, OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { child, config, image, index, layer, parse, type Fields } from './manifests.ts';
import { thrown } from './thrown.ts';

describe('bytes that are two manifests to two parsers are refused', () => {
  it.each<[string, Fields, string]>([
    ['a field in another case', { ...image, Layers: [] }, '"Layers"'],
    ['all upper-case', { ...image, MEDIATYPE: OCI_INDEX }, '"MEDIATYPE"'],
    ['an index’s field in another case', { ...image, Manifests: [child] }, '"Manifests"'],
    ['a long s, which Go folds', { ...image, 'layer\u017f': [] }, 'some clients would take for "layers"'],
    ['a subject in another case', { ...image, Subject: child }, 'take for "subject"'],
    ['a descriptor’s field', { ...image, layers: [{ ...layer, Digest: config.digest }] }, 'in layers[0]'],
    ['a child’s size', { ...index, manifests: [child, { ...child, SIZE: 1 }] }, 'in manifests[1]'],
    ['a config’s type', { ...image, config: { ...config, MediaType: OCI_EMPTY } }, 'in config'],
    ['a platform’s field', { ...index, manifests: [{ ...child, platform: { OS: 'x' } }] }, 'platform'],
  ])('%s', (_what, body, why) => {
    const error = thrown(() => parse(body));
    expect(error.code).toBe('MANIFEST_INVALID');
    expect(error.message).toContain(why);
  });

  it('but not keys that only annotations have, in whatever case', () => {
    const annotations = { Layers: 'a', layers: 'b', LAYERS: 'c' };
    const described = { ...layer, annotations };
    expect(parse({ ...image, annotations, layers: [described] }).annotations).toEqual(annotations);
  });

  it.each([
    ['Content-Type and body', image, OCI_INDEX],
    ['a Content-Type that is a list', image, `${OCI_MANIFEST}, ${OCI_INDEX}`],
    ['the shape and a type told by the header alone', { schemaVersion: 2, manifests: [] }, OCI_MANIFEST],
    ['the shape and a type told by the body', { ...index, mediaType: OCI_MANIFEST }, undefined],
  ])('%s that disagree', (_what, body, contentType) => {
    expect(thrown(() => parse(body, contentType)).code).toBe('MANIFEST_INVALID');
  });
});

describe('what is valid but unusual is taken', () => {
  it.each<[string, Fields]>([
    ['unknown fields', { ...image, 'x-vendor': { a: [1] }, history: 'x' }],
    ['content in the descriptor', { ...image, config: { ...config, data: 'e30=' } }],
    ['empty content in the descriptor', { ...image, config: { ...config, data: '' } }],
    ['an unknown type of layer', { ...image, layers: [{ ...layer, mediaType: 'application/x.wasm' }] }],
    ['a type with parameters', { ...image, layers: [{ ...layer, mediaType: 'text/plain; charset=utf-8' }] }],
    ['a layer of no bytes', { ...image, layers: [{ ...layer, size: 0 }] }],
    ['the same layer twice', { ...image, layers: [layer, layer] }],
    ['a layer that is the config, too', { ...image, layers: [config] }],
    ['an empty platform', { ...index, manifests: [{ ...child, platform: {} }] }],
    [
      'a platform of an attestation',
      { ...index, manifests: [{ ...child, platform: { os: 'unknown', architecture: 'unknown' } }] },
    ],
    ['an index of indexes', { ...index, manifests: [{ ...child, mediaType: OCI_INDEX }] }],
    ['an index with a subject and a type', { ...index, subject: child, artifactType: 'application/x.list' }],
    ['keys that clients escape', { ...image, annotations: { '\u0000\n"\\': '\u2028' } }],
  ])('%s', (_what, body) => {
    expect(() => parse(body)).not.toThrow();
  });

  it('numbers and spaces as other encoders write them', () => {
    const text = JSON.stringify(image, null, '\t').replace(
      `"size": ${layer.size}`,
      `"size":\r\n ${layer.size}`,
    );
    expect(parseManifest(Buffer.from(`\n${text}\n`), OCI_MANIFEST).layers).toHaveLength(1);
  });

  it('but not data that is no base64', () => {
    for (const data of ['{}', 'e30', 5, ['e30=']]) {
      const body = { ...image, config: { ...config, data } };
      if (data === 'e30') expect(() => parse(body)).not.toThrow();
      else expect(thrown(() => parse(body)).message).toContain('config.data');
    }
  });
});
