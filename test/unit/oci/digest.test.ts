import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { algorithmOf, createDigester, digestOf, hexOf, isDigest, parseDigest } from '#libs/oci/digest.ts';
import { digests } from './arbitraries.ts';
import { thrown } from './thrown.ts';

const EMPTY_SHA256 = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const HEX_64 = 'a'.repeat(64);

describe('parseDigest', () => {
  it('takes sha256 and sha512, and takes them apart again', () => {
    fc.assert(
      fc.property(digests, (digest) => {
        expect(parseDigest(digest)).toBe(digest);
        expect(`${algorithmOf(digest)}:${hexOf(digest)}`).toBe(digest);
      }),
    );
  });

  it.each([
    ['', 'there is no colon'],
    [HEX_64, 'there is no colon'],
    [`md5:${HEX_64}`, 'it is "md5"'],
    [`SHA256:${HEX_64}`, 'it is "SHA256"'],
    [`toString:${HEX_64}`, 'it is "toString"'],
    ['sha256:', 'there are 0'],
    ['sha256:baddigeststring', 'expected 64 hexadecimal characters after sha256:, but there are 15'],
    [`sha256:${HEX_64}a`, 'there are 65'],
    [`sha512:${HEX_64}`, 'expected 128'],
    [`sha256:${HEX_64.toUpperCase()}`, 'lower-case'],
    [`sha256:${'g'.repeat(64)}`, 'lower-case hexadecimal'],
    [`sha256:${HEX_64}\n`, 'there are 65'],
    [`sha256:${'a'.repeat(63)}\n`, 'lower-case hexadecimal'],
    ['sha256:../../../etc/passwd', 'there are 19'],
  ])('refuses %j and says why', (text, why) => {
    const error = thrown(() => parseDigest(text));
    expect(error.code).toBe('DIGEST_INVALID');
    expect(error.message).toContain(why);
    expect(isDigest(text)).toBe(false);
  });

  it('repeats only the beginning of a long input in its message', () => {
    expect(thrown(() => parseDigest('x'.repeat(1_000_000))).message.length).toBeLessThan(500);
  });
});

describe('digestOf and createDigester', () => {
  it('hash as the algorithm says, in whatever pieces the bytes come', () => {
    expect(digestOf(new Uint8Array())).toBe(EMPTY_SHA256);
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array()),
        fc.constantFrom('sha256' as const, 'sha512' as const),
        (chunks, algorithm) => {
          const digester = createDigester(algorithm);
          for (const chunk of chunks) digester.update(chunk);
          const whole = Buffer.concat(chunks);
          const expected = `${algorithm}:${createHash(algorithm).update(whole).digest('hex')}`;
          expect(digester.digest()).toBe(expected);
          expect(digestOf(whole, algorithm)).toBe(expected);
        },
      ),
    );
  });
});
