import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allowsRange,
  isNotModified,
  readCondition,
  requireMatch,
} from '#services/frontend/http/conditions.ts';
import { parseMinRevision } from '#services/frontend/http/freshness.ts';
import { originForm } from '#services/frontend/http/target.ts';
import { digests } from '#test/unit/oci/arbitraries.ts';
import { expectLinear, outcome, textNear } from '#test/unit/oci/hostile-text.ts';

const RUNS = { numRuns: 1500 };

describe('conditions', () => {
  /** An entity-tag of RFC 9110, section 8.8.3. */
  const opaque = fc.oneof(
    digests,
    fc.string({ unit: fc.constantFrom('a', ',', '!', '#', '/', '*', ';', '\u00ff'), maxLength: 5 }),
  );
  const entityTag = fc.record({ weak: fc.boolean(), opaque });
  const lists = fc.tuple(
    fc.array(entityTag, { minLength: 1, maxLength: 5 }),
    fc.constantFrom(', ', ',', ' ,\t', ',,', ', ,'),
  );
  const written = ({ weak, opaque }: { weak: boolean; opaque: string }): string =>
    `${weak ? 'W/' : ''}"${opaque}"`;

  it('of readers compare weakly for If-None-Match and strongly for If-Match and If-Range, in lists of any kind', () => {
    fc.assert(
      fc.property(lists, digests, fc.boolean(), fc.boolean(), ([tags, comma], digest, add, weak) => {
        const all = add ? [...tags, { weak, opaque: digest }] : tags;
        const header = all.map(written).join(comma);
        const isThere = all.some(({ opaque }) => opaque === digest);
        const isThereStrongly = all.some((tag) => tag.opaque === digest && !tag.weak);
        expect(isNotModified(header, digest)).toBe(isThere);
        const matched = outcome(() => requireMatch(header, digest));
        expect(matched).toEqual(isThereStrongly ? { value: undefined } : { code: 'PRECONDITION_FAILED' });
        const [first] = all;
        if (first !== undefined) {
          expect(allowsRange(written(first), digest)).toBe(first.opaque === digest && !first.weak);
        }
      }),
      RUNS,
    );
  });

  it('of readers never fail in another way, whatever they are, and * names everything', () => {
    const near = textNear('"', 'W/', '*', ',', ' ', `sha256:${'a'.repeat(64)}`, '\\', "'");
    fc.assert(
      fc.property(near, digests, (text, digest) => {
        const isAny = text.trim() === '*';
        expect(isNotModified(text, digest)).toBe(isAny);
        expect(allowsRange(text, digest)).toBe(false);
        const expected = isAny ? { value: undefined } : { code: 'PRECONDITION_FAILED' };
        expect(outcome(() => requireMatch(text, digest))).toEqual(expected);
      }),
      RUNS,
    );
  });

  it('of writers are one digest, quoted or not, or *, and refused otherwise', () => {
    const near = textNear('"', 'W/', '*', ',', ' ', `sha256:${'a'.repeat(64)}`, '\n');
    const written = fc.tuple(digests, fc.constantFrom('', '"'), fc.constantFrom('', ' '));
    fc.assert(
      fc.property(written, ([digest, quote, space]) => {
        expect(readCondition('If-Match', `${space}${quote}${digest}${quote}${space}`)).toBe(digest);
      }),
    );
    fc.assert(
      fc.property(near, (text) => {
        const model = /^(?:"?)(\*|sha256:a{64})(?:"?)$/.exec(text.trim());
        const isBalanced = text.trim().startsWith('"') === text.trim().endsWith('"');
        const read = outcome(() => readCondition('If-Match', text));
        if (model !== null && isBalanced) expect(read).toEqual({ value: model[1] });
        else expect(read).toEqual({ code: 'REQUEST_INVALID' });
      }),
      RUNS,
    );
  });
});

describe('a Meridian-Min-Revision', () => {
  it('is a catalog id and a revision that a number holds exactly, or refused', () => {
    const near = textNear('a', 'Z9', ':', '.', '_', '-', '0', '123456789', ' ', '\n', '%', 'x'.repeat(60));
    fc.assert(
      fc.property(near, (text) => {
        const [id = '', revision = '', ...more] = text.trim().split(':');
        const isId =
          id.length >= 1 && id.length <= 128 && Array.from(id).every((char) => /[A-Za-z0-9._-]/.test(char));
        const isRevision = revision.length >= 1 && revision.length <= 15 && !/[^0-9]/.test(revision);
        const expected =
          isId && isRevision && more.length === 0
            ? { value: [id, Number(revision)] }
            : { code: 'REQUEST_INVALID' };
        expect(outcome(() => parseMinRevision(text))).toEqual(expected);
      }),
      RUNS,
    );
    expect(parseMinRevision(undefined)).toEqual(['', 0]);
  });
});

describe('a request’s target', () => {
  it('is a path, whatever came', () => {
    fc.assert(
      fc.property(textNear('/', 'http://', 'https:', 'v2', '*', '?', '#', '[::', '@', '..', '%'), (text) => {
        const path = originForm(text);
        expect(path === '*' || path.startsWith('/')).toBe(true);
        if (text.startsWith('/')) expect(path).toBe(text);
      }),
      RUNS,
    );
    expect(originForm('http://registry:5000/v2/a/tags/list?n=1')).toBe('/v2/a/tags/list?n=1');
    expect(originForm('http://registry')).toBe('/');
    expect(originForm('http://registry?n=1')).toBe('/?n=1');
  });
});

it('conditions take no more than twice the time for twice the text', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const hostile = ['"', '",', 'W/', ',', ' ', ' ,\t', '"a", ', '*', 'a', ':', 'a:', '1', `"${digest}",`];
  for (const end of ['', '!', '"', ' x']) {
    expectLinear((text) => isNotModified(text, digest), hostile, end);
    expectLinear((text) => requireMatch(text, digest), hostile, end);
    expectLinear((text) => readCondition('If-Match', text), hostile, end);
    expectLinear((text) => readCondition('If-Match', `"${text}`), hostile, end);
    expectLinear(parseMinRevision, hostile, end);
    expectLinear(originForm, ['h', '/', 'http://', '?', '#'], end);
  }
});
