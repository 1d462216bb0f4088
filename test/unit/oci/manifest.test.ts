import { describe, expect, it } from 'vitest';
import * as types from '#libs/oci/mediatype.ts';
import { child, config, describeContent, image, index, layer, parse } from './manifests.ts';
import { thrown } from './thrown.ts';

describe('an image', () => {
  it('names its config and layers', () => {
    const annotations = { 'org.example': 'x' };
    const manifest = parse({ ...image, annotations, 'org.custom': 1 }, types.OCI_MANIFEST);
    expect(manifest).toStrictEqual({
      mediaType: types.OCI_MANIFEST,
      kind: 'image',
      config,
      layers: [layer],
      manifests: [],
      artifactType: types.OCI_CONFIG,
      annotations,
      references: [
        { descriptor: config, role: 'config', foreign: false },
        { descriptor: layer, role: 'layer', foreign: false },
      ],
    });
  });

  it('of Docker is read the same', () => {
    const foreign = describeContent(types.DOCKER_FOREIGN_LAYER_GZIP, 'foreign', {
      urls: ['https://example.org/layer'],
    });
    const manifest = parse(
      { ...image, mediaType: types.DOCKER_MANIFEST, layers: [layer, foreign] },
      types.DOCKER_MANIFEST,
    );
    expect(manifest.references.map(({ role, foreign }) => [role, foreign])).toEqual([
      ['config', false],
      ['layer', false],
      ['layer', true],
    ]);
    expect(manifest.layers[1]?.urls).toEqual(['https://example.org/layer']);
  });

  it('may be an artifact: an artifact type, an empty config and a subject that need not exist', () => {
    const subject = describeContent(types.OCI_MANIFEST, 'subject');
    const empty = describeContent(types.OCI_EMPTY, '{}');
    const manifest = parse({ ...image, config: empty, artifactType: 'application/vnd.example', subject });
    expect(manifest.artifactType).toBe('application/vnd.example');
    expect(manifest.subject).toEqual(subject);
    expect(manifest.references.map(({ descriptor }) => descriptor.digest)).not.toContain(subject.digest);
  });

  it.each([[[]], [null]])('may have no layers (%j)', (layers) => {
    expect(parse({ ...image, layers }).layers).toEqual([]);
  });

  it('reads null and empty fields, as Go writes them, as missing', () => {
    const manifest = parse({ ...image, artifactType: '', subject: null, annotations: null, manifests: null });
    expect(manifest).toStrictEqual(parse(image));
  });
});

describe('an index', () => {
  it('names its children and has no artifact type unless it says one', () => {
    const manifest = parse(index, types.OCI_INDEX);
    expect(manifest).toStrictEqual({
      mediaType: types.OCI_INDEX,
      kind: 'index',
      layers: [],
      manifests: [child],
      annotations: {},
      references: [{ descriptor: child, role: 'manifest', foreign: false }],
    });
    expect(parse({ ...index, artifactType: 'a/b' }).artifactType).toBe('a/b');
  });

  it('may list layers, as BuildKit’s caches do, and other indexes', () => {
    const nested = describeContent(types.OCI_INDEX, 'nested');
    const cache = describeContent('application/vnd.buildkit.cacheconfig.v0', 'cache');
    const docker = describeContent(types.DOCKER_MANIFEST, 'docker');
    const manifest = parse({ ...index, manifests: [layer, cache, nested, docker] });
    expect(manifest.references.map(({ role }) => role)).toEqual(['blob', 'blob', 'manifest', 'manifest']);
  });

  it.each([types.OCI_INDEX, types.DOCKER_MANIFEST_LIST])('may be empty (%s)', (mediaType) => {
    expect(parse({ schemaVersion: 2, mediaType, manifests: [] }).references).toEqual([]);
  });
});

describe('the media type', () => {
  it('comes from the header or from the body, whichever is there', () => {
    const { mediaType: _, ...untyped } = image;
    expect(parse(untyped, `${types.OCI_MANIFEST}; charset=utf-8`).mediaType).toBe(types.OCI_MANIFEST);
    expect(parse(image).mediaType).toBe(types.OCI_MANIFEST);
    expect(thrown(() => parse(untyped)).message).toContain('neither');
  });

  it.each([
    ['the header disagrees with the body', image, types.OCI_INDEX],
    ['Docker’s and OCI’s are mixed', image, types.DOCKER_MANIFEST],
    ['it is no manifest’s', { ...image, mediaType: 'application/json' }, undefined],
    ['it is that of schema 1', { schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+json'],
    ['it is no string', { ...image, mediaType: 5 }, undefined],
  ])('is refused when %s', (_, body, contentType) => {
    expect(thrown(() => parse(body, contentType)).code).toBe('MANIFEST_INVALID');
  });
});
