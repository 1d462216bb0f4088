import { FANOUT, HASH_BYTES, partsOf, type SummaryTree } from './summary-tree.ts';

/** What is known of a prefix. */
export interface KnownSummary {
  readonly prefix: string;
  readonly hash: Buffer;
}

/** What a prefix comes to where that is something else than was known. */
export interface ChangedSummary extends KnownSummary {
  /** The hashes of the prefixes that are two digits longer, in order; nothing for one of four digits. */
  readonly parts: Buffer;
}

/** Prefixes of one question; an answer is at most about 130 KiB then. */
export const MAX_PREFIXES = 64;

/** Those of the prefixes of which something else is true than is known. */
export function changedSummaries(tree: SummaryTree, known: readonly KnownSummary[]): ChangedSummary[] {
  const present = known.map(({ prefix, hash }) => ({
    prefix,
    before: hash,
    hash: encode(tree.hash(prefix)),
  }));
  const changed = present.filter(({ before, hash }) => !hash.equals(before));
  return changed.map(({ prefix, hash }) => ({ prefix, hash, parts: tree.parts(prefix) }));
}

/**
 * Brings `mirror`, a copy of a tree that lies elsewhere, up to date: one question where nothing has changed, and otherwise down to the
 * prefixes of four digits that have, which `changed` hears of. The counts of a mirror say nothing. What changes on the way may be left to
 * the next time.
 */
export async function refreshMirror(
  mirror: SummaryTree,
  ask: (known: KnownSummary[]) => Promise<readonly ChangedSummary[]>,
  changed: (prefix: string) => void = () => undefined,
): Promise<void> {
  let prefixes = [''];
  while (prefixes.length > 0) {
    const differing: string[] = [];
    for (let start = 0; start < prefixes.length; start += MAX_PREFIXES) {
      const known = prefixes
        .slice(start, start + MAX_PREFIXES)
        .map((prefix) => ({ prefix, hash: encode(mirror.hash(prefix)) }));
      for (const { prefix, parts } of await ask(known)) {
        for (const part of differingParts(mirror, prefix, parts)) {
          if (part.length === 4) changed(part);
          else differing.push(part);
        }
      }
    }
    prefixes = differing;
  }
}

/** Takes over those of four digits. */
function differingParts(mirror: SummaryTree, prefix: string, parts: Buffer): string[] {
  if (parts.length !== FANOUT * HASH_BYTES) return [];
  const differing: string[] = [];
  for (const [i, part] of partsOf(prefix).entries()) {
    const hash = parts.readBigUInt64BE(i * HASH_BYTES);
    if (hash === mirror.hash(part)) continue;
    if (part.length === 4) mirror.set(part, { hash, blobs: 0, bytes: 0 });
    differing.push(part);
  }
  return differing;
}

function encode(hash: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(HASH_BYTES);
  bytes.writeBigUInt64BE(hash);
  return bytes;
}
