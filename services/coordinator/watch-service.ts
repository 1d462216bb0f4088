import { setImmediate } from 'node:timers/promises';
import type { WatchRequest } from '#types/etcdserverpb/WatchRequest.ts';
import { createBell, type Bell } from './bell.ts';
import type { WatchService } from './contract.ts';
import type { Store } from './store.ts';
import { createWatchStream } from './watch-stream.ts';

export interface WatchOptions {
  readonly store: Store;
  /** How often a watcher that asked for it hears of progress while nothing happens. */
  readonly progressIntervalMs: number;
  /** Ends all streams. */
  readonly stopping: AbortSignal;
}

/** etcd's Watch service. A stream takes its next request, and reads its next events, only when what it sent before was taken. */
export function createWatchService({ store, progressIntervalMs, stopping }: WatchOptions): WatchService {
  return {
    async *watch(requests, { signal }) {
      const ended = AbortSignal.any([signal, stopping]);
      const bell = createBell();
      const inbox = createInbox(requests, bell);
      const stream = createWatchStream(store);
      const interval = { over: false };
      const timer = setInterval(() => {
        interval.over = true;
        bell.ring();
      }, progressIntervalMs);
      const quit = store.onCommit(bell.ring);
      ended.addEventListener('abort', bell.ring, { once: true });
      try {
        while (!ended.aborted) {
          const request = inbox.take();
          if (request !== undefined) yield* stream.answer(request);
          yield* stream.step();
          if (!stream.isCaughtUp()) {
            await setImmediate();
            continue;
          }
          yield* stream.progress('asked');
          if (interval.over) yield* stream.progress('interval');
          interval.over = false;
          await bell.wait();
        }
      } finally {
        quit();
        clearInterval(timer);
        ended.removeEventListener('abort', bell.ring);
      }
    },
  };
}

/** Reads one request ahead, and rings when it is there. A client that sends no more may still be listening. */
function createInbox(
  requests: AsyncIterable<WatchRequest>,
  bell: Bell,
): { take(): WatchRequest | undefined } {
  const iterator = requests[Symbol.asyncIterator]();
  let arrived: WatchRequest | undefined;
  const receive = (): void => {
    iterator.next().then(
      (step) => {
        if (step.done === true) return;
        arrived = step.value;
        bell.ring();
      },
      // The call is over, which its signal tells too.
      () => undefined,
    );
  };
  receive();
  return {
    take: () => {
      const request = arrived;
      if (request !== undefined) {
        arrived = undefined;
        receive();
      }
      return request;
    },
  };
}
