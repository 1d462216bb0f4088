import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { formatReference, parseReference } from '#libs/oci/reference.ts';
import { parseTag } from '#libs/oci/tag.ts';
import { digests, repositoryNames, tags } from './arbitraries.ts';
import { thrown } from './thrown.ts';

/** Far above what a linear pattern needs, far below what a backtracking one needs. */
const HOSTILE_INPUT_MS = 2000;

describe('parseRepositoryName', () => {
  it('takes every name of the grammar', () => {
    fc.assert(
      fc.property(repositoryNames, (name) => {
        expect(parseRepositoryName(name)).toBe(name);
      }),
    );
  });

  it('takes 255 bytes and no more', () => {
    expect(parseRepositoryName('a'.repeat(255))).toHaveLength(255);
    expect(thrown(() => parseRepositoryName('a'.repeat(256))).message).toContain(
      '255 bytes, but there are 256',
    );
  });

  it.each([
    '',
    '/',
    'A',
    'Team/app',
    '/app',
    'app/',
    'team//app',
    '.app',
    'app.',
    '-app',
    'app-',
    '_app',
    'app_',
    'a___b',
    'a..b',
    'a._b',
    'a-_b',
    'a/../b',
    'a/./b',
    'a b',
    'a\n',
    'a%2Fb',
    'a:b',
    'a@b',
    'é',
    'a\0',
    'a\\b',
  ])('refuses %j', (name) => {
    expect(thrown(() => parseRepositoryName(name)).code).toBe('NAME_INVALID');
  });

  it('never adds or removes one of a valid name’s slashes, dots or letters: what it takes it gives back', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '9', '.', '_', '-', '/', 'A', '%'), maxLength: 12 }),
        (text) => {
          let parsed: string;
          try {
            parsed = parseRepositoryName(text);
          } catch (error) {
            expect(error).toMatchObject({ code: 'NAME_INVALID' });
            return;
          }
          expect(parsed).toBe(text);
          expect(text.split('/').every((part) => /^[a-z0-9]/.test(part) && /[a-z0-9]$/.test(part))).toBe(
            true,
          );
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('parseTag', () => {
  it('takes every tag of the grammar', () => {
    fc.assert(
      fc.property(tags, (tag) => {
        expect(parseTag(tag)).toBe(tag);
      }),
    );
  });

  it.each(['', '.hidden', '-x', 'a b', 'a/b', 'a:b', 'a@b', 'a+b', 'é', 'a\n', 'a'.repeat(129)])(
    'refuses %j',
    (tag) => {
      expect(thrown(() => parseTag(tag)).code).toBe('TAG_INVALID');
    },
  );
});

describe('parseReference', () => {
  it('tells tags from digests, and formatReference gives back what was parsed', () => {
    fc.assert(
      fc.property(tags, digests, (tag, digest) => {
        expect(parseReference(tag)).toEqual({ kind: 'tag', tag });
        expect(parseReference(digest)).toEqual({ kind: 'digest', digest });
        expect(formatReference(parseReference(tag))).toBe(tag);
        expect(formatReference(parseReference(digest))).toBe(digest);
      }),
    );
  });

  it.each(['sha256:baddigeststring', 'latest:', ':', 'app:latest'])('never takes %j for a tag', (text) => {
    expect(thrown(() => parseReference(text)).code).toBe('DIGEST_INVALID');
  });

  it('takes a digest without its colon for a tag', () => {
    expect(parseReference('sha256-abc')).toEqual({ kind: 'tag', tag: 'sha256-abc' });
  });
});

describe('the grammars', () => {
  it('decide on long hostile input at once', () => {
    const start = performance.now();
    for (const piece of ['a', 'a-', 'a_', 'a/', '-', 'a.a-', '/']) {
      const text = `${piece.repeat(500_000)}!`;
      thrown(() => parseRepositoryName(text));
      thrown(() => parseRepositoryName(text.slice(0, 254) + '!'));
      thrown(() => parseTag(text));
    }
    expect(performance.now() - start).toBeLessThan(HOSTILE_INPUT_MS);
  });
});
