import { setTimeout } from 'node:timers/promises';
import { bounded } from '#libs/bounded.ts';
import { LeaseNotFoundError, UnavailableError } from '#libs/etcd/errors.ts';
import type { Compare, KeyValue, KeyValueStore, Operation, TxnRequest, TxnResult } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { HEAD_KEY } from './keys.ts';

/** How long one attempt may take; etcd's own election takes less. */
const ATTEMPT_TIMEOUT_MS = 5_000;

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 1_000;

export interface Transacted extends TxnResult {
  /** True if an earlier attempt, whose answer was lost, may have been applied. */
  readonly uncertain: boolean;
}

/**
 * Sends one transaction, and the same again while it fails, for `timeoutMs`. The transaction must be such that its second run can't do harm:
 * its compares fail once it has been applied. Throws UNAVAILABLE that says whether the outcome is known; LeaseNotFoundError only if
 * nothing was applied. `what` names the work in the message: "The push".
 */
export async function transact(
  etcd: KeyValueStore,
  request: TxnRequest,
  { what, timeoutMs }: { what: string; timeoutMs: number },
  signal: AbortSignal,
): Promise<Transacted> {
  using limit = bounded(signal, timeoutMs);
  let uncertain = false;
  for (let backoffMs = MIN_BACKOFF_MS; ; backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS)) {
    using attempt = bounded(limit.signal, ATTEMPT_TIMEOUT_MS);
    try {
      return { ...(await etcd.txn(request, attempt.signal)), uncertain };
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error) && !uncertain) throw error;
      // What is no answer of etcd's is our own timeout, in the middle of a call.
      uncertain ||= error instanceof UnavailableError ? error.outcomeUnknown : true;
      if (limit.isLate || !isPassing(error)) throw gaveUp(what, uncertain, error);
    }
    await setTimeout(backoffMs, undefined, { signal: limit.signal }).catch(() => undefined);
    signal.throwIfAborted();
  }
}

/** The keys that a transaction's range number `index` found. */
export function keysAt({ responses }: TxnResult, index: number): readonly KeyValue[] {
  const response = responses[index];
  if (response?.kind !== 'range') throw new Error(`Operation ${index} of the transaction is no range.`);
  return response.kvs;
}

export function readKey(key: string): Operation {
  return { kind: 'range', key };
}

/** That the key, or with `rangeEnd` none of the keys, was put after the view's revision; one that is absent was not. */
export function notPutSince(revision: number, key: string, rangeEnd?: string): Compare {
  const range = rangeEnd === undefined ? { key } : { key, rangeEnd };
  return { ...range, target: 'mod', op: '<', value: revision + 1 };
}

/** That etcd has come as far as the view: it is not an older catalog, restored since. */
export function notOlderThan(revision: number): Compare {
  return { key: HEAD_KEY, target: 'mod', op: '>', value: revision - 1 };
}

/** Might go better next time: everything but refusals. */
function isPassing(error: unknown): boolean {
  if (error instanceof LeaseNotFoundError) return false;
  return error instanceof UnavailableError || !(error instanceof RegistryError);
}

function gaveUp(what: string, uncertain: boolean, cause: unknown): RegistryError {
  const message = uncertain
    ? `${what} was sent to etcd, but no answer came, so it is not known whether it took effect. Repeating it is safe.`
    : `${what} needs etcd's quorum, which can't be reached; nothing was changed. Try again.`;
  return new RegistryError('UNAVAILABLE', message, {
    cause,
    detail: { outcomeUnknown: uncertain },
    retryAfterSeconds: 5,
  });
}
