import { hexOf, type Digest } from './oci/digest.ts';

/** A blob as far as a summary tells blobs apart. */
export interface SummarizedBlob {
  readonly digest: Digest;
  readonly size: number;
}

/** What a set of blobs comes to. */
export interface Figures {
  readonly hash: bigint;
  readonly blobs: number;
  readonly bytes: number;
}

/** Parts of a node: one for each two further hexadecimal digits. */
export const FANOUT = 256;
export const HASH_BYTES = 8;
const LEAVES = FANOUT * FANOUT;
const FIRST_LEAF = 1 + FANOUT;
const SIZE_FACTOR = 0x9e37_79b9_7f4a_7c15n;

/**
 * A summary of a set of blobs: a hash for all of them, for those whose digests begin with the same two hexadecimal digits, and for those with
 * the same four. The hash of a set is the sum of its blobs' hashes, so that a blob comes and goes without a look at the others, and sets
 * with the same hash are the same but for a chance of one in 2⁶⁴. A prefix is '', two digits or four.
 */
export class SummaryTree {
  readonly #hashes = new BigUint64Array(FIRST_LEAF + LEAVES);
  readonly #blobs = new Uint32Array(FIRST_LEAF + LEAVES);
  readonly #bytes = new Float64Array(FIRST_LEAF + LEAVES);

  /** The blob must not be in the set. */
  add(blob: SummarizedBlob): void {
    this.#change(leafOf(blob.digest), { hash: hashOf(blob), blobs: 1, bytes: blob.size });
  }

  /** The blob must be in the set, with that size. */
  remove(blob: SummarizedBlob): void {
    this.#change(leafOf(blob.digest), { hash: -hashOf(blob), blobs: -1, bytes: -blob.size });
  }

  /** Has a prefix of four digits stand for other blobs. */
  set(prefix: string, to: Figures): void {
    const from = this.figures(prefix);
    const hash = to.hash - from.hash;
    this.#change(Number.parseInt(prefix, 16), {
      hash,
      blobs: to.blobs - from.blobs,
      bytes: to.bytes - from.bytes,
    });
  }

  figures(prefix: string): Figures {
    const slot = slotOf(prefix);
    return { hash: this.hash(prefix), blobs: this.#blobs[slot] ?? 0, bytes: this.#bytes[slot] ?? 0 };
  }

  hash(prefix: string): bigint {
    return this.#hashes[slotOf(prefix)] ?? 0n;
  }

  /** The hashes of the prefixes that are two digits longer, 8 bytes each; nothing for one of four digits. */
  parts(prefix: string): Buffer {
    if (prefix.length > 2) return Buffer.alloc(0);
    const first = prefix === '' ? 1 : FIRST_LEAF + FANOUT * Number.parseInt(prefix, 16);
    const parts = Buffer.allocUnsafe(FANOUT * HASH_BYTES);
    for (let i = 0; i < FANOUT; i++) parts.writeBigUInt64BE(this.#hashes[first + i] ?? 0n, i * HASH_BYTES);
    return parts;
  }

  #change(leaf: number, by: Figures): void {
    for (const slot of [0, 1 + (leaf >> 8), FIRST_LEAF + leaf]) {
      this.#hashes[slot] = BigInt.asUintN(64, (this.#hashes[slot] ?? 0n) + by.hash);
      this.#blobs[slot] = (this.#blobs[slot] ?? 0) + by.blobs;
      this.#bytes[slot] = (this.#bytes[slot] ?? 0) + by.bytes;
    }
  }
}

export function figuresOf(blobs: Iterable<SummarizedBlob>): Figures {
  const sum = { hash: 0n, blobs: 0, bytes: 0 };
  for (const blob of blobs) {
    sum.hash = BigInt.asUintN(64, sum.hash + hashOf(blob));
    sum.blobs += 1;
    sum.bytes += blob.size;
  }
  return sum;
}

/** The four digits that the blob is summed up under. */
export function prefixOf(digest: Digest): string {
  return hexOf(digest).slice(0, 4);
}

/** Those of all prefixes that are two digits longer than this one, in order. */
export function partsOf(prefix: string): string[] {
  return Array.from({ length: FANOUT }, (_, i) => prefix + i.toString(16).padStart(2, '0'));
}

/** The end of a digest, which its place in the tree does not depend on, and the size. */
function hashOf({ digest, size }: SummarizedBlob): bigint {
  return BigInt.asUintN(64, BigInt(`0x${digest.slice(-16)}`) + BigInt(size) * SIZE_FACTOR);
}

function leafOf(digest: Digest): number {
  return Number.parseInt(prefixOf(digest), 16);
}

function slotOf(prefix: string): number {
  const index = prefix === '' ? 0 : Number.parseInt(prefix, 16);
  return prefix.length === 4 ? FIRST_LEAF + index : prefix.length === 2 ? 1 + index : 0;
}
