/**
 * The part of etcd's data model that Meridian uses. A revision is one writing transaction, numbered for the whole store;
 * keys are UTF-8 text ordered by bytes; leases are int64 as decimal text.
 * https://etcd.io/docs/v3.5/learning/api/
 */
export interface KeyValue {
  readonly key: string;
  /** Empty where the range asked for keys only, and in delete events. */
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  /** 1 when the key was created, one more with every put; 0 in delete events. */
  readonly version: number;
  /** '0' where the key hangs on no lease. */
  readonly lease: string;
}

/** `key` alone is that key; with `rangeEnd` it is [key, rangeEnd); see `prefixEnd`. Results are in key order. */
export interface RangeRequest {
  readonly key: string;
  readonly rangeEnd?: string;
  /** The most keys to give; all of them where it is missing. */
  readonly limit?: number;
  /** Read as of this revision; the newest where it is missing. */
  readonly revision?: number;
  /** Answer from the member asked, without the quorum: fast, perhaps stale. */
  readonly serializable?: boolean;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

export interface RangeResult {
  readonly kvs: KeyValue[];
  /** All keys in the range, also those beyond `limit`. */
  readonly count: number;
  readonly more: boolean;
  /** The store's newest revision when it answered; page on at this one. */
  readonly revision: number;
}

export type CompareOperator = '=' | '!=' | '<' | '>';

/**
 * An absent key has mod and create revision 0 and version 0; comparing its value is always false. With `rangeEnd` every key in the range must
 * compare so, and an empty range is like an absent key.
 */
export type Compare =
  | {
      readonly key: string;
      readonly rangeEnd?: string;
      readonly target: 'mod' | 'create' | 'version';
      readonly op: CompareOperator;
      readonly value: number;
    }
  | {
      readonly key: string;
      readonly rangeEnd?: string;
      readonly target: 'value';
      readonly op: CompareOperator;
      readonly value: Buffer;
    };

export type Operation =
  | { readonly kind: 'put'; readonly key: string; readonly value: Buffer; readonly lease?: string }
  | { readonly kind: 'delete'; readonly key: string; readonly rangeEnd?: string }
  | ({ readonly kind: 'range' } & RangeRequest);

/** All of `compare` true: `then`, otherwise `else`. No key may be put twice, or put and deleted, in one transaction. */
export interface TxnRequest {
  readonly compare?: readonly Compare[];
  readonly then?: readonly Operation[];
  readonly else?: readonly Operation[];
}

export type OperationResult =
  { readonly kind: 'put' } | { readonly kind: 'delete'; readonly deleted: number } | RangeOperationResult;

export type RangeOperationResult = { readonly kind: 'range' } & RangeResult;

export interface TxnResult {
  readonly succeeded: boolean;
  /** The revision this transaction made, or the newest one where it wrote nothing. */
  readonly revision: number;
  /** One for each operation of the branch that ran, in its order. */
  readonly responses: OperationResult[];
}

export interface WatchRequest {
  readonly key: string;
  readonly rangeEnd?: string;
  /** The first revision whose events are wanted; may lie in the past or the future. */
  readonly fromRevision: number;
}

export interface WatchEvent {
  readonly kind: 'put' | 'delete';
  /** Of a delete: key and modRevision only. */
  readonly kv: KeyValue;
}

/** Events of one or more whole revisions, in revision order; no events in a progress report. */
export interface WatchBatch {
  /** The watcher has seen everything up to here: the last event's mod revision, or the revision of a progress report. */
  readonly revision: number;
  readonly events: WatchEvent[];
}

export interface KeyValueStore {
  /** Linearizable unless `serializable`. Throws CompactedError, FutureRevisionError, UnavailableError. */
  range(request: RangeRequest, signal: AbortSignal): Promise<RangeResult>;

  /**
   * A transaction that writes is never repeated implicitly. An UnavailableError with `outcomeUnknown` may or may not have been applied. A put on a dead lease
   * throws LeaseNotFoundError.
   */
  txn(request: TxnRequest, signal: AbortSignal): Promise<TxnResult>;

  /**
   * One watcher at the server, made when the iteration starts. Any disturbance ends it with an error, never silently; the caller makes a new
   * one from the last `revision` it took + 1. Throws CompactedError with the revision from which events are still there.
   */
  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<WatchBatch>;

  /** Drops the history before `revision`. Compacting at or below an earlier compaction is a CompactedError. */
  compact(revision: number, signal: AbortSignal): Promise<void>;
}

export interface Lease {
  readonly id: string;
  /** What the server gave, at least what was asked. */
  readonly ttlSeconds: number;
}

/** When a lease expires or is revoked, its keys are deleted in one revision. */
export interface Leases {
  grant(ttlSeconds: number, signal: AbortSignal): Promise<Lease>;
  /** The seconds it now has left; 0 if the lease is gone. */
  keepAlive(id: string, signal: AbortSignal): Promise<number>;
  /** Throws LeaseNotFoundError if the lease is gone already. */
  revoke(id: string, signal: AbortSignal): Promise<void>;
}

export interface StoreStatus {
  readonly version: string;
  readonly clusterId: string;
  readonly memberId: string;
  /** The leader's member id; '0' where there is none. */
  readonly leader: string;
  readonly revision: number;
  /** Space taken on disk, the figure that etcd's quota is about. */
  readonly sizeBytes: number;
  readonly sizeInUseBytes: number;
}

/** A member of etcd's cluster. */
export interface StoreMember {
  readonly id: string;
  readonly name: string;
  readonly clientUrls: readonly string[];
}

export interface EtcdClient extends KeyValueStore, Leases {
  /** Of the member that answers; not linearizable. */
  status(signal: AbortSignal): Promise<StoreStatus>;
  /** All members of the cluster, as the one that answers knows them. */
  members(signal: AbortSignal): Promise<StoreMember[]>;
  /** Ends the connections; calls and watches under way fail. */
  close(): void;
}
