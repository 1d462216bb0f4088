import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextLink, parsePageSize } from '#libs/oci/link.ts';
import { parseContentRange, parseRange } from '#libs/oci/range.ts';
import { MAX_WARNING_BYTES, warning } from '#libs/oci/warning.ts';
import { thrown } from './thrown.ts';

describe('parseRange', () => {
  it.each([
    ['bytes=0-0', 10, { offset: 0, length: 1 }],
    ['bytes=2-5', 10, { offset: 2, length: 4 }],
    ['bytes=2-', 10, { offset: 2, length: 8 }],
    ['bytes=2-99', 10, { offset: 2, length: 8 }],
    ['bytes=9-9', 10, { offset: 9, length: 1 }],
    ['bytes=-3', 10, { offset: 7, length: 3 }],
    ['bytes=-99', 10, { offset: 0, length: 10 }],
    ['Bytes=0-', 10, { offset: 0, length: 10 }],
    [`bytes=0-${'9'.repeat(400)}`, 10, { offset: 0, length: 10 }],
  ])('reads %j of %d bytes', (header, size, expected) => {
    expect(parseRange(header, size)).toEqual(expected);
  });

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=0-1,3-4',
    'lines=0-1',
    '0-1',
    'bytes=1.5-2',
    'bytes=--1',
    'bytes=+1-2',
  ])('ignores %j, so the whole is served', (header) => {
    expect(parseRange(header, 10)).toBeUndefined();
  });

  it.each(['bytes=10-', 'bytes=10-20', `bytes=${'9'.repeat(400)}-`, 'bytes=5-2', 'bytes=-0'])(
    'refuses %j of 10 bytes',
    (header) => {
      expect(thrown(() => parseRange(header, 10)).code).toBe('RANGE_INVALID');
    },
  );

  it('serves content without bytes whole, since it has no range', () => {
    expect(parseRange('bytes=0-', 0)).toBeUndefined();
  });

  it('never leaves the content', () => {
    const position = fc.option(fc.nat(30), { nil: '' as const });
    fc.assert(
      fc.property(position, position, fc.nat(20), (first, last, size) => {
        const content = Buffer.from(Array.from({ length: size }, (_, i) => i));
        let range;
        try {
          range = parseRange(`bytes=${first}-${last}`, size);
        } catch (error) {
          expect(error).toMatchObject({ code: 'RANGE_INVALID' });
          return;
        }
        if (range === undefined) return;
        const expected =
          first === ''
            ? content.subarray(Math.max(0, size - Number(last)))
            : content.subarray(first, last === '' ? size : last + 1);
        expect(expected.length).toBeGreaterThan(0);
        expect(content.subarray(range.offset, range.offset + range.length)).toEqual(expected);
        expect(range.length).toBe(expected.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseContentRange', () => {
  it.each(['0-99', ' 0-99 ', 'bytes 0-99/*', 'bytes 0-99/100', 'bytes=0-99', '0-99/100'])(
    'reads %j',
    (header) => {
      expect(parseContentRange(header)).toEqual({ start: 0, end: 99 });
    },
  );

  it.each([
    '',
    '-',
    '0-',
    '-99',
    '99-0',
    'a-b',
    '0-99,100-199',
    '0 - 99',
    `0-${'9'.repeat(20)}`,
    'bytes */100',
    '1e3-2e3',
  ])('refuses %j', (header) => {
    expect(thrown(() => parseContentRange(header)).code).toBe('RANGE_INVALID');
  });
});

describe('paging', () => {
  it('links to the next page with encoded parameters', () => {
    expect(nextLink('/v2/team/app/tags/list', { n: 2, last: 'a&b' })).toBe(
      '</v2/team/app/tags/list?n=2&last=a%26b>; rel="next"',
    );
  });

  it('keeps whatever a parameter holds, and nothing can break out of the angle brackets', () => {
    fc.assert(
      fc.property(fc.string(), (last) => {
        const link = /^<([^<>\s]*)>; rel="next"$/.exec(nextLink('/v2/_catalog', { last }));
        const url = new URL(link?.[1] ?? '', 'http://registry');
        expect(url.searchParams.get('last')).toBe(last.toWellFormed());
      }),
    );
  });

  it.each([
    [undefined, 100],
    ['0', 0],
    ['7', 7],
    ['100', 100],
    ['101', 100],
    ['9'.repeat(400), 100],
  ])('reads n=%s as %d', (n, expected) => {
    expect(parsePageSize(n, 100)).toBe(expected);
  });

  it.each(['', '-1', '1.5', 'ten', ' 1', '0x10', '1e3', '٣'])('refuses n=%j', (n) => {
    expect(thrown(() => parsePageSize(n, 100)).code).toBe('PAGINATION_NUMBER_INVALID');
  });
});

describe('warning', () => {
  it('quotes its text', () => {
    expect(warning('This region is cut off.')).toBe('299 - "This region is cut off."');
    expect(warning('a "b" \\ c')).toBe('299 - "a \\"b\\" \\\\ c"');
  });

  it('is a header value that fits, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.integer({ min: 10, max: 80 }),
        (text, maxBytes) => {
          const value = warning(text, maxBytes);
          expect(Buffer.byteLength(value)).toBeLessThanOrEqual(maxBytes);
          expect(value).toMatch(/^299 - "(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"$/);
        },
      ),
    );
    expect(Buffer.byteLength(warning('x'.repeat(10_000)))).toBe(MAX_WARNING_BYTES);
  });
});
