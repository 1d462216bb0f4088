import type { KeyValueStore, RangeRequest, TxnRequest } from '#libs/etcd/store.ts';

/** A store that can be watched in what it is asked, and slowed or stopped in what it tells. */
export interface GatedStore extends KeyValueStore {
  readonly ranges: RangeRequest[];
  readonly txns: TxnRequest[];
  /** The first revision of each watch made. */
  readonly watchedFrom: number[];
  /** While closed, watches pass on nothing: what they get waits. */
  holdWatches(): void;
  releaseWatches(): void;
}

/** Passes everything on to `store`. */
export function gatedStore(store: KeyValueStore): GatedStore {
  const ranges: RangeRequest[] = [];
  const txns: TxnRequest[] = [];
  const watchedFrom: number[] = [];
  let gate = Promise.withResolvers<undefined>();
  gate.resolve(undefined);
  return {
    ranges,
    txns,
    watchedFrom,
    range: (request, signal) => {
      ranges.push(request);
      return store.range(request, signal);
    },
    txn: (request, signal) => {
      txns.push(request);
      return store.txn(request, signal);
    },
    async *watch(request, signal) {
      watchedFrom.push(request.fromRevision);
      for await (const batch of store.watch(request, signal)) {
        const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        await Promise.race([gate.promise, aborted]);
        signal.throwIfAborted();
        yield batch;
      }
    },
    compact: (revision, signal) => store.compact(revision, signal),
    holdWatches: () => {
      gate = Promise.withResolvers();
    },
    releaseWatches: () => gate.resolve(undefined),
  };
}
