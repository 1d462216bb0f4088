import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_JSON_DEPTH, MAX_JSON_NODES, parseJson } from '#libs/oci/json.ts';
import { thrown } from './thrown.ts';

const parse = (text: string) => parseJson(Buffer.from(text));

describe('parseJson', () => {
  it('reads what JSON.parse reads, however it is spaced', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom('', ' ', '\t', '\n'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        fc.pre(!text.includes('__proto__'));
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses a key twice in one object, wherever that object is', () => {
    const keys = fc.string({ maxLength: 6 }).filter((key) => key !== '__proto__');
    const wrappers = fc.array(fc.constantFrom('array', 'object'), { maxLength: 10 });
    fc.assert(
      fc.property(keys, wrappers, fc.constantFrom('', ' ', '\n\t'), (key, around, space) => {
        const name = JSON.stringify(key);
        let text = `{${name}${space}:1,"other ":{${name}:2},${name}${space}:3}`;
        for (const kind of around) text = kind === 'array' ? `[${text}]` : `{"}{":${text}}`;
        const error = thrown(() => parse(text));
        expect(error.code).toBe('MANIFEST_INVALID');
        expect(error.message).toContain('each key once');
      }),
    );
  });

  it.each([
    [
      'keys that differ only in how they are escaped',
      String.raw`{"layers":[],"lay\u0065rs":[]}`,
      'repeats "layers"',
    ],
    ['__proto__', '{"annotations":{"__proto__":{"x":1}}}', '__proto__'],
    ['an escaped __proto__', String.raw`{"\u005f_proto__":1}`, '__proto__'],
    ['a byte order mark', '\uFEFF{}', "can't be parsed"],
    ['nothing', '', "can't be parsed"],
    ['two documents', '{}{}', "can't be parsed"],
    ['an open string', '{"a', "can't be parsed"],
    ['an open escape', String.raw`{"a\ `.trim(), "can't be parsed"],
    ['a bad escape in a key', String.raw`{"\x":1}`, "can't be parsed"],
    ['closing brackets too many', ']]}}{"a":1}', "can't be parsed"],
    ['a comment', '{}//', "can't be parsed"],
  ])('refuses %s', (_, text, why) => {
    const error = thrown(() => parse(text));
    expect(error.code).toBe('MANIFEST_INVALID');
    expect(error.message).toContain(why);
  });

  it('takes the same key in different objects, and strings that look like keys or brackets', () => {
    expect(parse(String.raw`[{"a":1},{"a":{"a":["a","a",":","{","\"a\":"]}}]`)).toEqual([
      { a: 1 },
      { a: { a: ['a', 'a', ':', '{', '"a":'] } },
    ]);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(thrown(() => parseJson(Uint8Array.of(0x22, 0xff, 0x22))).message).toContain('UTF-8');
  });

  it('bounds depth and the number of nodes before it allocates for them', () => {
    expect(() => parse('['.repeat(MAX_JSON_DEPTH) + ']'.repeat(MAX_JSON_DEPTH))).not.toThrow();
    expect(thrown(() => parse('['.repeat(4_000_000))).message).toContain(`${MAX_JSON_DEPTH} levels`);
    expect(thrown(() => parse(`[${'{},'.repeat(MAX_JSON_NODES)}{}]`)).code).toBe('TOO_LARGE');
    const keys = Array.from({ length: MAX_JSON_NODES }, (_, i) => `"${i}":0`).join();
    expect(thrown(() => parse(`{${keys}}`)).code).toBe('TOO_LARGE');
  });

  it('answers any text with a value or a RegistryError', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      ':',
      ',',
      'a',
      '1',
      ' ',
      'null',
      '\\u0061',
      '"a":',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        const text = parts.join('');
        let reference: unknown;
        try {
          reference = JSON.parse(text);
        } catch {
          expect(thrown(() => parse(text)).code).toBe('MANIFEST_INVALID');
          return;
        }
        try {
          expect(parse(text)).toEqual(reference);
        } catch (error) {
          expect(error).toMatchObject({ code: 'MANIFEST_INVALID' });
        }
      }),
      { numRuns: 1000 },
    );
  });
});
