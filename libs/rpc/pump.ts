import { once, type EventEmitter } from 'node:events';

/** The writing side of a gRPC call. */
export type Sink = EventEmitter & { write(message: unknown): boolean };

/**
 * Writes every message of `source` to a gRPC stream, waiting while the other side is not reading. Does not end the stream: the caller
 * knows which status goes last. Rejects as soon as `signal` aborts, even while `source` is stuck; `source` is closed in every case.
 */
export async function pump(source: AsyncIterable<unknown>, sink: Sink, signal: AbortSignal): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  let interrupt = (_reason: unknown): void => undefined;
  const onAbort = (): void => interrupt(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let finished = false;
  try {
    for (;;) {
      signal.throwIfAborted();
      const step = await new Promise<IteratorResult<unknown>>((resolve, reject) => {
        interrupt = reject;
        iterator.next().then(resolve, reject);
      });
      if (step.done === true) {
        finished = true;
        return;
      }
      if (!sink.write(step.value)) await once(sink, 'drain', { signal });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: a stuck source closes once it gets unstuck.
    if (!finished) iterator.return?.().catch(() => undefined);
  }
}
