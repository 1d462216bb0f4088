import type { DigestAlgorithm } from '#libs/oci/digest.ts';

/** What the thread is given as it starts: memory for bytes, in slots of equal size. */
export interface HashMemory {
  readonly memory: SharedArrayBuffer;
  readonly slotBytes: number;
}

/** To the thread. Hashes are told apart by `id`; one begins with its first message. */
export type HashRequest =
  | {
      readonly kind: 'update';
      readonly id: number;
      readonly algorithm: DigestAlgorithm;
      readonly slot: number;
      readonly length: number;
    }
  | { readonly kind: 'digest' | 'drop'; readonly id: number };

/** From the thread: a slot may be used again, or the answer to `digest`. */
export type HashAnswer = { readonly slot: number } | { readonly id: number; readonly digest: string };
