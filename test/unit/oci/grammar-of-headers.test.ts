import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextLink, parsePageSize } from '#libs/oci/link.ts';
import { isMediaType, parseMediaType } from '#libs/oci/mediatype.ts';
import { MAX_WARNING_BYTES, warning } from '#libs/oci/warning.ts';
import { expectLinear, outcome, textNear } from './hostile-text.ts';

const RUNS = { numRuns: 1500 };

describe('a media type', () => {
  // RFC 6838, section 4.2.
  const restricted = '[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}';
  const model = new RegExp(`^${restricted}/${restricted}$`);
  const near = textNear(
    'a',
    'Z9',
    '/',
    '+json',
    '.',
    '-',
    ';',
    ' ',
    '; q="x;y"',
    '*',
    ',',
    '\n',
    'x'.repeat(64),
  );

  it('is taken if and only if it is one of RFC 6838, and is lower-cased without its parameters', () => {
    fc.assert(
      fc.property(near, (text) => {
        const essence = (text.split(';')[0] ?? '').trim();
        const taken = model.test(essence) && !essence.includes('\n');
        expect(isMediaType(essence)).toBe(taken);
        const expected = taken ? { value: essence.toLowerCase() } : { code: 'MANIFEST_INVALID' };
        expect(outcome(() => parseMediaType(text))).toEqual(expected);
      }),
      RUNS,
    );
  });
});

describe('a Link', () => {
  // RFC 8288, section 3, of the one kind that lists have: a URI reference of RFC 3986 in angle brackets, and its relation.
  const link = /^<((?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)>; rel="next"$/;

  it('has a URI in angle brackets, whatever the parameters hold, that gives them back', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      textNear('<', '>', '"', ';', ',', '&', '=', '%', '+', '#', '\r\n'),
    );
    fc.assert(
      fc.property(value, value, fc.nat(10_000), (last, artifactType, n) => {
        const [, target = ''] =
          link.exec(nextLink('/v2/team/app/tags/list', { artifactType, n, last })) ?? [];
        const { pathname, searchParams, hash } = new URL(target, 'http://registry');
        expect([pathname, hash]).toEqual(['/v2/team/app/tags/list', '']);
        expect([...searchParams]).toEqual([
          ['artifactType', artifactType.toWellFormed()],
          ['n', String(n)],
          ['last', last.toWellFormed()],
        ]);
      }),
      RUNS,
    );
  });
});

describe('a page size', () => {
  it('is a row of digits, at most the largest page, or refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(textNear('0', '1', '9', '-', '+', '.', 'e', 'x', ' ', '٣'), fc.nat().map(String)),
        fc.nat(9999),
        (text, max) => {
          const isNumber = text !== '' && Array.from(text).every((char) => '0123456789'.includes(char));
          const read = outcome(() => parsePageSize(text, max));
          if (!isNumber) expect(read).toEqual({ code: 'PAGINATION_NUMBER_INVALID' });
          else expect(read).toEqual({ value: BigInt(text) < BigInt(max) ? Number(text) : max });
        },
      ),
      RUNS,
    );
  });
});

describe('a Warning', () => {
  it('is one quoted string of RFC 9110 in printable ASCII, of at most so many bytes, that begins with the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 8, max: MAX_WARNING_BYTES }),
        (text, maxBytes) => {
          const value = warning(text, maxBytes);
          const [, quoted = ''] = /^299 - "((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(value) ?? [
            value,
          ];
          expect(Buffer.byteLength(value)).toBeLessThanOrEqual(maxBytes);
          const read = quoted.replaceAll(/\\(.)/g, '$1');
          const plain = Array.from(text, (char) => (char >= ' ' && char <= '~' ? char : '?')).join('');
          expect(plain.startsWith(read)).toBe(true);
          if (Buffer.byteLength(value) < maxBytes - 2) expect(read).toBe(plain);
        },
      ),
      RUNS,
    );
  });
});

it('headers take no more than twice the time for twice the text', () => {
  const hostile = ['"', ',', ' ', ' ,\t', '*', 'a', 'a/', 'a;', '/', '1', '\\'];
  for (const end of ['', '!', '"', ' x']) {
    expectLinear(parseMediaType, hostile, end);
    expectLinear((text) => parsePageSize(text, 10), hostile, end);
    expectLinear((text) => warning(text), hostile, end);
  }
});
