import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDigest, parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { formatReference, parseReference } from '#libs/oci/reference.ts';
import { parseTag } from '#libs/oci/tag.ts';
import { digests, repositoryNames, tags } from './arbitraries.ts';
import { expectLinear, outcome, textNear } from './hostile-text.ts';

/*
 * The models are the specs' own regular expressions, copied out, with the limits that their prose adds.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */
const NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const REGISTERED = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

/** `$` of a regular expression would overlook a line break at the end. */
const matches = (pattern: RegExp, text: string): boolean => !text.includes('\n') && pattern.test(text);

const RUNS = { numRuns: 1500 };

describe('a repository name', () => {
  it('is taken if and only if the spec’s expression takes it, and is given back unchanged', () => {
    const near = textNear('a', 'z0', '9', '.', '_', '-', '/', 'A', '%2F', 'é', '\n', '..', 'x'.repeat(100));
    fc.assert(
      fc.property(fc.oneof(near, repositoryNames), (text) => {
        const isName = text.length <= 255 && matches(NAME, text);
        const expected = isName ? { value: text } : { code: 'NAME_INVALID' };
        expect(outcome(() => parseRepositoryName(text))).toEqual(expected);
      }),
      RUNS,
    );
  });
});

describe('a tag', () => {
  it('is taken if and only if the spec’s expression takes it, and is given back unchanged', () => {
    const near = textNear('a', 'Z', '_', '.', '-', ':', '@', '/', '\n', 'x'.repeat(60));
    fc.assert(
      fc.property(fc.oneof(near, tags), (text) => {
        const expected = matches(TAG, text) ? { value: text } : { code: 'TAG_INVALID' };
        expect(outcome(() => parseTag(text))).toEqual(expected);
      }),
      RUNS,
    );
  });
});

describe('a digest', () => {
  const hex = fc.string({
    unit: fc.constantFrom('a', 'f', '0', '9', 'g', 'A'),
    minLength: 60,
    maxLength: 70,
  });
  const near = fc.oneof(
    textNear('sha256:', 'sha512:', 'md5:', ':', 'a'.repeat(32), '0'.repeat(64), 'F', '+', '\n', '/'),
    fc
      .tuple(fc.constantFrom('sha256:', 'sha512:', 'blake3:'), hex)
      .map(([algorithm, rest]) => algorithm + rest),
    digests,
  );

  it('is taken if and only if it is one of a registered algorithm, and is given back unchanged', () => {
    fc.assert(
      fc.property(near, (text) => {
        const taken = matches(REGISTERED, text);
        expect(outcome(() => parseDigest(text))).toEqual(
          taken ? { value: text } : { code: 'DIGEST_INVALID' },
        );
        expect(isDigest(text)).toBe(taken);
        if (taken) expect(matches(DIGEST, text)).toBe(true);
      }),
      RUNS,
    );
  });
});

describe('a reference', () => {
  it('is a digest if it has a colon and a tag if it has none, never the other, and is formatted as it was', () => {
    const near = textNear('a', ':', 'sha256:', 'sha256-', '0'.repeat(64), '.', '/', '@', '\0');
    fc.assert(
      fc.property(fc.oneof(near, tags, digests), (text) => {
        const read = outcome(() => parseReference(text));
        if ('code' in read) {
          expect(read.code).toBe(text.includes(':') ? 'DIGEST_INVALID' : 'TAG_INVALID');
          return;
        }
        expect(read.value.kind).toBe(text.includes(':') ? 'digest' : 'tag');
        expect(formatReference(read.value)).toBe(text);
      }),
      RUNS,
    );
  });
});

describe('the grammars of names', () => {
  it('take no more than twice the time for twice the text', () => {
    const hostile = ['a', 'a.', 'a__', 'a-', '-', '--a', 'a/', '/', 'sha256:', ':', '0', '\u{1f600}'];
    for (const parse of [parseRepositoryName, parseTag, parseDigest, parseReference])
      expectLinear(parse, hostile);
    // The longest that gets past the check of the length.
    for (const piece of ['a', 'a-', 'a_', 'a/', 'a-a.'])
      outcome(() => parseRepositoryName(`${piece.repeat(300).slice(0, 254)}!`));
  });
});
