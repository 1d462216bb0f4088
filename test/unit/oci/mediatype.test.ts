import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as types from '#libs/oci/mediatype.ts';
import { thrown } from './thrown.ts';

describe('parseMediaType', () => {
  it.each([
    [types.OCI_MANIFEST, types.OCI_MANIFEST],
    ['Application/VND.oci.image.INDEX.v1+json', types.OCI_INDEX],
    ['application/json; charset=utf-8', 'application/json'],
    ['  text/plain ;charset="a;b"', 'text/plain'],
    ['a/b', 'a/b'],
  ])('reads %j as %j', (header, expected) => {
    expect(types.parseMediaType(header)).toBe(expected);
  });

  it.each([
    '',
    ';',
    'json',
    '/',
    'a/',
    '/b',
    'a/b/c',
    'a/b, c/d',
    'a /b',
    '*/*',
    '.a/b',
    'a/b\r\nx: y',
    `${'a'.repeat(128)}/b`,
  ])('refuses %j', (header) => {
    expect(thrown(() => types.parseMediaType(header)).code).toBe('MANIFEST_INVALID');
  });

  it('gives a type back unchanged when it is parsed again', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/);
    fc.assert(
      fc.property(name, name, (type, subtype) => {
        const parsed = types.parseMediaType(`${type}/${subtype}; q=1`);
        expect(parsed).toBe(`${type}/${subtype}`.toLowerCase());
        expect(types.parseMediaType(parsed)).toBe(parsed);
      }),
    );
  });
});

describe('the kinds of media types', () => {
  it('are told apart for OCI and Docker, in any case', () => {
    for (const image of [types.OCI_MANIFEST, types.DOCKER_MANIFEST, types.OCI_MANIFEST.toUpperCase()]) {
      expect([types.isManifestType(image), types.isImageType(image), types.isIndexType(image)]).toEqual([
        true,
        true,
        false,
      ]);
    }
    for (const index of [types.OCI_INDEX, types.DOCKER_MANIFEST_LIST]) {
      expect([types.isManifestType(index), types.isImageType(index), types.isIndexType(index)]).toEqual([
        true,
        false,
        true,
      ]);
    }
    for (const other of [types.OCI_CONFIG, types.OCI_LAYER_GZIP, types.OCI_EMPTY, 'application/json', '']) {
      expect(types.isManifestType(other)).toBe(false);
    }
  });

  it('count exactly the non-distributable layers as foreign', () => {
    expect(types.isForeignLayer(types.OCI_FOREIGN_LAYER)).toBe(true);
    expect(types.isForeignLayer(types.OCI_FOREIGN_LAYER_ZSTD)).toBe(true);
    expect(types.isForeignLayer(types.DOCKER_FOREIGN_LAYER_GZIP)).toBe(true);
    expect(types.isForeignLayer(types.OCI_LAYER_GZIP)).toBe(false);
    expect(types.isForeignLayer(types.DOCKER_LAYER_GZIP)).toBe(false);
  });
});
