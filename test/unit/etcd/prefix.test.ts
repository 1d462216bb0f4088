import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefixEnd } from '#libs/etcd/prefix.ts';

/** Characters at the ends of UTF-8's lengths and beside the surrogates. */
const BOUNDARIES = [
  '\0',
  '/',
  '0',
  '\x7f',
  '\x80',
  '\u07ff',
  '\u0800',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{10ffff}',
];

describe('the end of a prefix', () => {
  it.each([
    ['/a/', '/a0'],
    ['tag/x:', 'tag/x;'],
    ['\ud7ff', '\ue000'],
    ['a\u{10ffff}', 'b'],
    ['', '\0'],
  ])('of %j is %j', (prefix, end) => {
    expect(prefixEnd(prefix)).toBe(end);
  });

  it('lies behind every key with the prefix, and before every later one', () => {
    const text = fc.string({ unit: fc.constantFrom(...BOUNDARIES), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(text, text, (prefix, other) => {
        const bytes = Buffer.from(other);
        const end = Buffer.from(prefixEnd(prefix));
        const bounded = !end.equals(Buffer.from('\0'));
        const inside = bytes.compare(Buffer.from(prefix)) >= 0 && (!bounded || bytes.compare(end) < 0);
        expect(inside).toBe(other.startsWith(prefix));
        expect(Buffer.from(prefix + other).compare(end) < 0 || !bounded).toBe(true);
      }),
    );
  });
});
