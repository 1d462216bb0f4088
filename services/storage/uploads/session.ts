import type { Digest, DigestAlgorithm } from '#libs/oci/digest.ts';
import type { HashingWriter } from '../writing/hashing-writer.ts';
import type { Belonging } from './ids.ts';

/** What this process knows of an open upload. */
export interface Session {
  readonly id: string;
  readonly repository: string;
  readonly algorithm: DigestAlgorithm;
  /** Whose it is, once the id has shown it. */
  belonging?: Belonging;
  /** Bytes that are durable, as the database has it. */
  offset: number;
  /** Has hashed exactly the bytes before `offset`; missing after a restart, and where that can't be said. */
  writer?: HashingWriter | undefined;
  /** The digest that the bytes were found to have, once a finish got so far: its end may have failed with the bytes published already. */
  verified?: Digest | undefined;
  holder?: Holder | undefined;
}

/** The one who works on a session. */
export interface Holder {
  /** It waits for nothing but the disk any more, so it is worth waiting for. */
  settling: boolean;
  /** When a writer last got bytes, by the clock. */
  activeAt: number;
  readonly leave: (reason: Error) => void;
  readonly done: PromiseWithResolvers<undefined>;
}

/** How a request wants to hold a session. */
export interface Claim {
  /** Receives bytes, and stops when it is told to leave: the session is then another's. Without it: waits for the disk only. */
  readonly leave?: (reason: Error) => void;
  /** Rests on the offset being what it was when the claim was made. */
  readonly unmoved?: boolean;
  /** Ends a writer at once, not only one that has stalled. */
  readonly ending?: boolean;
}
