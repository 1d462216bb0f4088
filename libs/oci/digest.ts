import { createHash } from 'node:crypto';
import { RegistryError } from './errors.ts';
import { quote } from './quote.ts';

declare const brand: unique symbol;

/** `algorithm:hex`, checked. Made only by this file, so whoever holds one need not check it again. */
export type Digest = string & { readonly [brand]: 'Digest' };

export type DigestAlgorithm = 'sha256' | 'sha512';

const HEX_LENGTH: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 };
const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** A hash in progress: `update` any number of times, then `digest` once. */
export interface Digester {
  update(chunk: Uint8Array): void;
  digest(): Digest;
}

/**
 * Takes the algorithms every OCI implementation must or should know, sha256 and sha512; throws DIGEST_INVALID for all else.
 * https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError('DIGEST_INVALID', `The digest ${quote(text)} is not valid: ${whyInvalid(text)}.`);
}

export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return Object.hasOwn(HEX_LENGTH, text);
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  const digester = createDigester(algorithm);
  digester.update(bytes);
  return digester.digest();
}

export function createDigester(algorithm: DigestAlgorithm = 'sha256'): Digester {
  const hash = createHash(algorithm);
  return {
    update: (chunk) => void hash.update(chunk),
    digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
  };
}

function whyInvalid(text: string): string {
  const colon = text.indexOf(':');
  if (colon < 0) return 'expected <algorithm>:<hex>, but there is no colon';
  const algorithm = text.slice(0, colon);
  const hex = text.slice(colon + 1);
  if (!isDigestAlgorithm(algorithm)) {
    return `expected the algorithm sha256 or sha512, but it is ${quote(algorithm)}`;
  }
  const length = HEX_LENGTH[algorithm];
  if (hex.length !== length) {
    return `expected ${length} hexadecimal characters after ${algorithm}:, but there are ${hex.length}`;
  }
  return 'expected lower-case hexadecimal characters (0-9, a-f) only';
}
