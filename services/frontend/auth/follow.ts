import { setTimeout as sleep } from 'node:timers/promises';
import type { Auth } from '#libs/rpc/contracts.ts';
import type { KnownAuth } from './known.ts';

/**
 * Gives the frames of one replication process to what is known, opening the stream again whenever it ends, until `signal` aborts. A
 * frame that can't be read ends the stream too: then what is known ages, and is not relied on for long.
 */
export async function followAuth(options: {
  auth: Pick<Auth, 'follow'>;
  known: Pick<KnownAuth, 'apply'>;
  retryMs: number;
  /** Told of what no waiting helps against. */
  onFault: (error: unknown) => void;
  signal: AbortSignal;
}): Promise<void> {
  const { auth, known, retryMs, onFault, signal } = options;
  while (!signal.aborted) {
    const stream = new AbortController();
    try {
      let first = true;
      for await (const frame of auth.follow({}, { signal: AbortSignal.any([signal, stream.signal]) })) {
        try {
          known.apply(first ? { ...frame, reset: true } : frame);
        } catch (error) {
          onFault(error);
          break;
        }
        first = false;
      }
    } catch {
      // An ended stream needs no word of its own: it is opened again, and what is known tells how old it is.
    } finally {
      stream.abort(new Error('The stream of identities is opened again.'));
    }
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  }
}
