import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf, parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { parseTag } from '#libs/oci/tag.ts';
import * as keys from '#services/replication/catalog/keys.ts';

const component = fc.stringMatching(/^[a-z0-9]+([._-][a-z0-9]+){0,2}$/);
const repositories = fc
  .array(component, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
  .filter((name) => name.length <= 255)
  .map(parseRepositoryName);
const tags = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,40}$/).map(parseTag);
const digests = fc
  .tuple(fc.string(), fc.constantFrom('sha256' as const, 'sha512' as const))
  .map(([text, algorithm]) => digestOf(Buffer.from(text), algorithm));
const words = fc.stringMatching(/^[a-z0-9]+(-[a-z0-9]+)*$/);

describe('every key that is built can be parsed', () => {
  it('for repositories, their manifests and tags', () => {
    fc.assert(
      fc.property(repositories, tags, digests, (repository, tag, digest) => {
        const { parseKey } = keys;
        expect(parseKey(keys.repositoryKey(repository))).toEqual({ kind: 'repository', repository });
        expect(parseKey(keys.removalsKey(repository))).toEqual({ kind: 'removals', repository });
        expect(parseKey(keys.tagKey(repository, tag))).toEqual({ kind: 'tag', repository, tag });
        const manifest = { kind: 'manifest', repository, digest };
        expect(parseKey(keys.manifestKey(repository, digest))).toEqual(manifest);
      }),
    );
  });

  it('for regions, their processes and pushes', () => {
    fc.assert(
      fc.property(words, words, fc.uuid(), (region, process, pushId) => {
        const { parseKey } = keys;
        expect(parseKey(keys.regionKey(region))).toEqual({ kind: 'region', region });
        expect(parseKey(keys.gcKey(region))).toEqual({ kind: 'gc', region });
        expect(parseKey(keys.liveKey(region, process))).toEqual({ kind: 'live', region, process });
        expect(parseKey(keys.receiptKey(pushId))).toEqual({ kind: 'receipt', pushId });
      }),
    );
    expect(keys.parseKey(keys.AUTH_STATE_KEY)).toEqual({ kind: 'auth-state' });
    expect(keys.parseKey(keys.HEAD_KEY)).toEqual({ kind: 'head' });
    expect(keys.parseKey(keys.SCHEMA_KEY)).toEqual({ kind: 'schema' });
    expect(keys.parseKey(keys.DEFAULTS_KEY)).toEqual({ kind: 'defaults' });
  });
});

describe('a key of identities and permissions', () => {
  it.each(['principal', 'token', 'binding', 'key'] as const)('is parsed: %s', (record) => {
    const name = 'alice@example.com';
    expect(keys.parseKey(keys.authKey(record, name))).toEqual({ kind: 'auth', record, name });
  });
});

describe('a key that is none', () => {
  const digest = parseDigest(`sha256:${'0'.repeat(64)}`);

  it.each([
    'elsewhere',
    '/meridian/v1/',
    '/meridian/v1/compaction',
    '/meridian/v1/repository/Upper',
    '/meridian/v1/auth/principal/',
    '/meridian/v1/auth/planet/google',
    '/meridian/v1/manifest/a',
    '/meridian/v1/manifest/a@sha256:short',
    `/meridian/v1/manifest/@${digest}`,
    '/meridian/v1/tag/a',
    '/meridian/v1/tag/a:-dash',
    '/meridian/v1/live/us',
    '/meridian/v2/repository/a',
  ])('is left aside: %s', (key) => {
    expect(keys.parseKey(key)).toBeUndefined();
  });
});
