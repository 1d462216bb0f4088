import { describe, expect, it } from 'vitest';
import { MAX_MANIFEST_BYTES, parseManifest } from '#libs/oci/manifest.ts';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { child, config, encode, image, index, layer, parse } from './manifests.ts';
import type { Fields } from './manifests.ts';
import { thrown } from './thrown.ts';

describe('a manifest is refused', () => {
  const valid = layer.digest;
  it.each<[string, Fields, string]>([
    ['with layers and manifests', { ...image, manifests: [] }, 'no manifests'],
    ['as an index with layers', { ...index, layers: [layer] }, 'no layers'],
    ['as an index with a config', { ...index, config }, 'no config'],
    ['as an image with fsLayers', { ...image, fsLayers: [] }, 'no fsLayers'],
    [
      'with another schema version',
      { ...image, schemaVersion: '2' },
      'schemaVersion should be 2, but is "2"',
    ],
    ['without a config', { ...image, config: undefined }, 'config should be an object, but is missing'],
    ['with a config of null', { ...image, config: null }, 'config should be an object, but is null'],
    ['without layers', { ...image, layers: undefined }, 'layers should be an array, but is missing'],
    ['without manifests', { ...index, manifests: undefined }, 'manifests should be an array, but is missing'],
    [
      'with a layer that is a string',
      { ...image, layers: ['x'] },
      'layers[0] should be an object, but is "x"',
    ],
    [
      'with a short digest',
      { ...image, layers: [layer, { ...layer, digest: 'sha256:1' }] },
      'layers[1].digest',
    ],
    [
      'with a digest of another kind',
      { ...image, config: { ...config, digest: `md5:${valid}` } },
      'config.digest',
    ],
    ['with a negative size', { ...image, layers: [{ ...layer, size: -1 }] }, 'layers[0].size'],
    ['with a fractional size', { ...image, layers: [{ ...layer, size: 1.5 }] }, 'but is 1.5'],
    ['with a size no number can hold', { ...image, layers: [{ ...layer, size: 2 ** 53 }] }, 'layers[0].size'],
    ['with a size in a string', { ...image, layers: [{ ...layer, size: '1' }] }, 'but is "1"'],
    [
      'with no media type on a layer',
      { ...image, layers: [{ ...layer, mediaType: '' }] },
      'layers[0].mediaType',
    ],
    [
      'with an annotation that is no string',
      { ...image, annotations: { a: 1 } },
      'annotations["a"] should be a string, but is 1',
    ],
    [
      'with annotations in a list',
      { ...image, annotations: ['a'] },
      'annotations should be an object, but is an array',
    ],
    [
      'with a malformed subject',
      { ...image, subject: {} },
      'subject.mediaType should be a string, but is missing',
    ],
    [
      'with a malformed artifact type',
      { ...image, artifactType: 'x' },
      'artifactType should be a media type',
    ],
    [
      'with a malformed platform',
      { ...index, manifests: [{ ...child, platform: { os: 1 } }] },
      'manifests[0].platform.os',
    ],
    [
      'with malformed urls',
      { ...image, layers: [{ ...layer, urls: [true] }] },
      'layers[0].urls[0] should be a string, but is true',
    ],
  ])('%s', (_, body, why) => {
    const error = thrown(() => parse(body));
    expect(error.code).toBe('MANIFEST_INVALID');
    expect(error.message).toContain(why);
  });

  it.each(['null', '[]', '"x"', '2'])('that is %s', (text) => {
    expect(thrown(() => parseManifest(Buffer.from(text), OCI_MANIFEST)).code).toBe('MANIFEST_INVALID');
  });

  it('with a key twice', () => {
    const text = JSON.stringify(image).replace('{', '{"layers":[],');
    expect(thrown(() => parseManifest(Buffer.from(text), OCI_MANIFEST)).message).toContain(
      'repeats "layers"',
    );
  });
});

describe('limits', () => {
  it('take a manifest of 4 MiB, annotations and all, and no byte more', () => {
    const bare = encode({ ...image, annotations: { pad: '' } }).length;
    const padded = (bytes: number) => encode({ ...image, annotations: { pad: 'A'.repeat(bytes - bare) } });
    expect(parseManifest(padded(MAX_MANIFEST_BYTES), undefined).kind).toBe('image');
    expect(thrown(() => parseManifest(padded(MAX_MANIFEST_BYTES + 1), undefined)).code).toBe('TOO_LARGE');
  });

  it('take 4000 descriptors, config included, unless another number is given', () => {
    const layers = (count: number) => ({ ...image, layers: Array.from({ length: count }, () => layer) });
    expect(parse(layers(3999)).references).toHaveLength(4000);
    expect(thrown(() => parse(layers(4000))).code).toBe('TOO_LARGE');
    expect(parse(layers(2), undefined, 3).references).toHaveLength(3);
    expect(thrown(() => parse(layers(3), undefined, 3)).message).toContain('3 layers');
    expect(thrown(() => parse({ ...index, manifests: [child, child] }, undefined, 1)).code).toBe('TOO_LARGE');
  });

  it('stop at the first of a million wrong entries', () => {
    const urls = Array.from({ length: 1_000_000 }, () => 0);
    expect(thrown(() => parse({ ...image, layers: [{ ...layer, urls }] })).message).toContain('urls[0]');
  });
});

describe('names that every object inherits', () => {
  it('are ordinary annotations and not taken for fields', () => {
    const annotations = { constructor: 'a', toString: 'b', hasOwnProperty: 'c' };
    expect({ ...parse({ ...image, annotations }).annotations }).toEqual(annotations);
    expect(({} as Fields)['a']).toBeUndefined();
  });

  it('refuse to become a prototype', () => {
    const text = JSON.stringify(image).replace('{', '{"annotations":{"__proto__":{"polluted":"yes"}},');
    expect(thrown(() => parseManifest(Buffer.from(text), undefined)).code).toBe('MANIFEST_INVALID');
  });
});
