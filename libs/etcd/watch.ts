import type { IWatchResponse } from 'etcd3';
import { SpanKind, streamInSpan } from '#libs/telemetry/trace.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Caller } from './call.ts';
import { CompactedError, fromCallFailure, UnavailableError } from './errors.ts';
import { keyAndEnd } from './requests.ts';
import { integer, watchEvent } from './responses.ts';
import { assembleRevisions } from './revisions.ts';
import { isCallFailure } from './status.ts';
import type { WatchBatch, WatchRequest } from './store.ts';
import { openStream } from './stream.ts';

/**
 * One watcher on a stream of its own, without any resumption. It starts one revision before the one asked for: etcd may have forgotten the
 * deletions made by the very revision it was compacted at, and this way refuses instead.
 */
export function watch(caller: Caller, request: WatchRequest, signal: AbortSignal): AsyncIterable<WatchBatch> {
  return streamInSpan('etcd.watch', { kind: SpanKind.CLIENT, step: true, signal }, async function* (span) {
    const { stream, member, forgetToken } = await openStream(caller, 'Watch', 'watch', signal);
    span.setAttribute('server.address', member);
    const cancel = (): void => stream.cancel();
    const created = setTimeout(cancel, caller.callTimeoutMs);
    signal.addEventListener('abort', cancel, { once: true });
    try {
      signal.throwIfAborted();
      stream.write({
        create_request: {
          ...keyAndEnd(request),
          start_revision: Math.max(1, request.fromRevision - 1),
          progress_notify: true,
          fragment: true,
        },
      });
      const assembler = assembleRevisions(request.fromRevision);
      for await (const response of stream as AsyncIterable<IWatchResponse>) {
        clearTimeout(created);
        if (response.canceled) forgetToken();
        const batch = read(response, assembler.add, request.fromRevision, member);
        if (batch !== undefined) yield batch;
      }
      throw disturbed(member, 'the stream ended');
    } catch (error) {
      signal.throwIfAborted();
      if (isCallFailure(error)) throw fromCallFailure(error, member, false);
      throw error instanceof RegistryError ? error : disturbed(member, (error as Error).message);
    } finally {
      clearTimeout(created);
      signal.removeEventListener('abort', cancel);
      stream.cancel();
    }
  });
}

function read(
  response: IWatchResponse,
  assemble: ReturnType<typeof assembleRevisions>['add'],
  fromRevision: number,
  member: string,
): WatchBatch | undefined {
  if (integer(response.compact_revision) > 0) {
    const compactRevision = integer(response.compact_revision);
    throw new CompactedError(
      `etcd at ${member} has compacted its history up to revision ${compactRevision}; revision ${fromRevision} can't be watched from any more.`,
      { compactRevision },
    );
  }
  if (response.canceled) throw disturbed(member, response.cancel_reason || 'it was cancelled');
  if (response.created) return undefined;
  if (response.events.length > 0) return assemble(response.events.map(watchEvent), response.fragment);
  const revision = integer(response.header.revision);
  return revision < fromRevision ? undefined : { revision, events: [] };
}

function disturbed(member: string, why: string): UnavailableError {
  return new UnavailableError(
    `The watch at etcd ${member} ended: ${why}. Watch again from where it came to.`,
    {
      outcomeUnknown: false,
    },
  );
}
