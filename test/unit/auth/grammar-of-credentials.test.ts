import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCredentials } from '#services/frontend/auth/credentials.ts';
import { expectLinear, outcome, textNear } from '../oci/hostile-text.ts';

const RUNS = { numRuns: 1500 };
const refused = { code: 'UNAUTHORIZED' };

// eslint-disable-next-line no-control-regex -- RFC 7617 admits no control characters
const PLAIN = /^[^\u0000-\u001f\u007f]*$/;
const plain = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((text) => PLAIN.test(text));

describe('Basic credentials', () => {
  it('give back the name and the secret, whatever letters these have and however the scheme is spelt', () => {
    const name = plain.filter((text) => !text.includes(':'));
    fc.assert(
      fc.property(name, plain, fc.constantFrom('Basic', 'basic', 'BASIC'), (user, secret, scheme) => {
        const value = Buffer.from(`${user}:${secret}`).toString('base64');
        expect(readCredentials(`${scheme} ${value}`)).toEqual({
          scheme: 'basic',
          name: user,
          password: secret,
        });
        expect(readCredentials(`${scheme} ${value.replace(/=+$/, '')}`)).toEqual(
          readCredentials(`${scheme} ${value}`),
        );
      }),
      RUNS,
    );
  });

  it.each([
    ['without a colon', Buffer.from('alice').toString('base64')],
    ['with a line break', Buffer.from('alice:a\nb').toString('base64')],
    ['with a NUL', Buffer.from('alice\0:a').toString('base64')],
    ['that are no UTF-8', Buffer.from([0xff, 0x3a, 0x61]).toString('base64')],
    ['with letters that base64 has not', `${Buffer.from('alice:a').toString('base64')}!`],
    ['in base64url', Buffer.from('???:>>>').toString('base64url')],
    ['with bits to spare', 'YTpiYR=='],
    ['that are too long', Buffer.from(`alice:${'a'.repeat(10_000)}`).toString('base64')],
  ])('%s are refused', (_why, value) => {
    expect(outcome(() => readCredentials(`Basic ${value}`))).toEqual(refused);
  });
});

describe('an Authorization header', () => {
  // RFC 6750, section 2.1.
  const bearer = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
  const near = textNear(
    'Bearer ',
    'bearer',
    'Basic ',
    'YTpi',
    'a.b.c',
    '=',
    ' ',
    ',',
    '"',
    '\t',
    'Digest ',
    'é',
  );

  it('is a token if and only if it is written as one', () => {
    fc.assert(
      fc.property(near, (text) => {
        const [, token] = bearer.exec(text) ?? [];
        const read = outcome(() => readCredentials(text));
        if (token !== undefined) expect(read).toEqual({ value: { scheme: 'bearer', token } });
        else expect(read).not.toMatchObject({ value: { scheme: 'bearer' } });
      }),
      RUNS,
    );
  });

  it('never gives credentials where none are, and none where there is no header', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const read = outcome(() => readCredentials(text));
        expect(read).not.toEqual({ value: { scheme: 'none' } });
      }),
      RUNS,
    );
    expect(readCredentials(undefined)).toEqual({ scheme: 'none' });
  });

  it('that came twice is refused, as is one longer than any token', () => {
    expect(outcome(() => readCredentials('Bearer a.b.c, Bearer d.e.f'))).toEqual(refused);
    expect(outcome(() => readCredentials('Basic YTpi, Basic YTpi'))).toEqual(refused);
    expect(outcome(() => readCredentials(`Bearer ${'a'.repeat(9000)}`))).toEqual(refused);
  });

  it('is read in linear time', () => {
    expectLinear(readCredentials, ['Bearer ', 'Basic ', ' ', '=', 'a', 'a=', 'YTpi']);
  });
});
