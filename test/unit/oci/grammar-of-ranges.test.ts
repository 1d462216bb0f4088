import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseContentRange, parseRange } from '#libs/oci/range.ts';
import { expectLinear, outcome, textNear } from './hostile-text.ts';

const RUNS = { numRuns: 1500 };
const numbers = fc.oneof(
  fc.nat(30).map(String),
  fc.bigInt({ min: 0n, max: 10n ** 25n }).map(String),
  fc.constantFrom('', '00', '007', '9007199254740991', '9007199254740993', '9'.repeat(400)),
);

/**
 * RFC 9110, section 14.1.2, for one range of bytes, in integers of any size: the positions to serve, or why not. The words are
 * ranges-specifier, int-range and suffix-range.
 */
function modelOfRange(header: string, size: bigint): [bigint, bigint] | 'whole' | 'unsatisfiable' {
  const [unit = '', set, ...others] = header.split('=');
  if (unit.toLowerCase() !== 'bytes' || set === undefined || others.length > 0 || size === 0n) return 'whole';
  const [first, last, ...more] = set.split('-');
  const isNumber = (text: string): boolean =>
    text !== '' && Array.from(text).every((c) => c >= '0' && c <= '9');
  if (first === undefined || last === undefined || more.length > 0 || (first === '' && last === ''))
    return 'whole';
  if ((first !== '' && !isNumber(first)) || (last !== '' && !isNumber(last))) return 'whole';
  const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
  if (first === '')
    return last === '' || BigInt(last) === 0n ? 'unsatisfiable' : [size - min(BigInt(last), size), size - 1n];
  const end = last === '' ? size - 1n : min(BigInt(last), size - 1n);
  return BigInt(first) <= end ? [BigInt(first), end] : 'unsatisfiable';
}

describe('a Range', () => {
  const built = fc
    .tuple(
      fc.constantFrom('bytes', 'Bytes', 'BYTES', 'lines', ''),
      numbers,
      fc.constantFrom('-', '', '--', ' - '),
      numbers,
    )
    .map(([unit, first, dash, last]) => `${unit}=${first}${dash}${last}`);
  const near = textNear('bytes', '=', '-', ',', '0', '9', '5', '10', '+', '.', 'e3', '0x1', '٣');

  it('is what RFC 9110 says, for numbers of any size, and whatever else it is leaves the whole', () => {
    fc.assert(
      fc.property(fc.oneof(built, near), fc.nat(20), (header, size) => {
        const read = outcome(() => parseRange(header, size));
        const model = modelOfRange(header.trim(), BigInt(size));
        if (model === 'unsatisfiable') expect(read).toEqual({ code: 'RANGE_INVALID' });
        else if (model === 'whole') expect(read).toEqual({ value: undefined });
        else
          expect(read).toEqual({
            value: { offset: Number(model[0]), length: Number(model[1] - model[0]) + 1 },
          });
      }),
      RUNS,
    );
  });
});

describe('a Content-Range', () => {
  const built = fc
    .tuple(
      fc.constantFrom('', 'bytes ', 'bytes=', 'bytes', 'lines '),
      numbers,
      fc.constantFrom('-', '', '--'),
      numbers,
      fc.constantFrom('', '/*', '/10', '/', '/x'),
    )
    .map((parts) => parts.join(''));
  const near = textNear('bytes ', '0', '9', '-', '/', '*', '=', ',', 'e', '.');

  it('is the positions of two ends in order, as the spec and HTTP write it, or refused', () => {
    const grammar = /^(bytes[ =])?[0-9]+-[0-9]+(\/([0-9]+|\*))?$/i;
    fc.assert(
      fc.property(fc.oneof(built, near), (header) => {
        const text = header.trim();
        const read = outcome(() => parseContentRange(header));
        const [first = 0n, last = 0n] = (text.match(/\d+/g) ?? []).map(BigInt);
        const isValid = grammar.test(text) && first <= last && last <= BigInt(Number.MAX_SAFE_INTEGER);
        if (!isValid) expect(read).toEqual({ code: 'RANGE_INVALID' });
        else expect(read).toEqual({ value: { start: Number(first), end: Number(last) } });
      }),
      RUNS,
    );
  });
});

it('ranges take no more than twice the time for twice the text', () => {
  const hostile = ['0', '0-', '-', 'bytes=', 'bytes ', ' ', '\t ', '1,', '9/'];
  for (const end of ['', '!', '-']) {
    expectLinear((text) => parseRange(text, 10), hostile, end);
    expectLinear((text) => parseRange(`bytes=${text}`, 10), hostile, end);
    expectLinear(parseContentRange, hostile, end);
    expectLinear((text) => parseContentRange(`bytes ${text}`), hostile, end);
  }
});
