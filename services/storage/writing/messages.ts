import type { DigestAlgorithm } from '#libs/oci/digest.ts';

/** To the thread. Hashes are told apart by `id`; one begins with its first message. */
export type WritingRequest =
  | {
      readonly kind: 'append';
      readonly id: number;
      readonly algorithm: DigestAlgorithm;
      /** A descriptor of this process. */
      readonly file: number;
      readonly position: number;
      /** Their memory comes along with them. */
      readonly chunks: readonly Uint8Array<ArrayBuffer>[];
    }
  | { readonly kind: 'digest' | 'drop'; readonly id: number };

/** From the thread, in the order of the requests of each `id`; nothing to `drop`. */
export type WritingAnswer = { readonly id: number } & (Written | { readonly digest: string });

/** How many bytes, and why no more. */
export interface Written {
  readonly written: number;
  readonly failure?: SystemFailure;
}

/** What an error of the system says, which a thread can't hand on as it is. */
export interface SystemFailure {
  readonly message: string;
  readonly code: string | undefined;
  readonly syscall: string | undefined;
}
