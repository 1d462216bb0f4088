import type { ILeaseGrantResponse, ILeaseKeepAliveResponse } from 'etcd3';
import { SpanKind, withSpan } from '#libs/telemetry/trace.ts';
import { unaryCall, type Caller } from './call.ts';
import { fromCallFailure, UnavailableError } from './errors.ts';
import { integer } from './responses.ts';
import { isCallFailure } from './status.ts';
import type { Leases } from './store.ts';
import { openStream } from './stream.ts';

/** etcd's leases; who holds one renews it himself. */
export function createLeases(caller: Caller): Leases {
  return {
    grant: async (ttlSeconds, signal) => {
      const request = { TTL: ttlSeconds };
      const call = { service: 'Lease', method: 'leaseGrant', kind: 'write' } as const;
      const { ID, TTL } = await unaryCall<ILeaseGrantResponse>(caller, call, request, signal);
      return { id: ID, ttlSeconds: integer(TTL) };
    },
    keepAlive: (id, signal) =>
      withSpan('etcd.leaseKeepAlive', { kind: SpanKind.CLIENT, step: true, signal }, () =>
        keepAlive(caller, id, signal),
      ),
    revoke: async (id, signal) => {
      const call = { service: 'Lease', method: 'leaseRevoke', kind: 'write' } as const;
      await unaryCall(caller, call, { ID: id }, signal);
    },
  };
}

/** etcd has this as a stream only; one renewal, one stream. */
async function keepAlive(caller: Caller, id: string, signal: AbortSignal): Promise<number> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(caller.callTimeoutMs)]);
  const { stream, member } = await openStream(caller, 'Lease', 'leaseKeepAlive', limited);
  const cancel = (): void => stream.cancel();
  limited.addEventListener('abort', cancel, { once: true });
  try {
    limited.throwIfAborted();
    stream.write({ ID: id });
    for await (const { TTL } of stream as AsyncIterable<ILeaseKeepAliveResponse>) return integer(TTL);
    throw new UnavailableError(`etcd at ${member} did not answer: the stream ended.`, {
      outcomeUnknown: true,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw isCallFailure(error) ? fromCallFailure(error, member, true) : error;
  } finally {
    limited.removeEventListener('abort', cancel);
    stream.cancel();
  }
}
