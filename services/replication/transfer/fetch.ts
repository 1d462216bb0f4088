import { abortable } from '#libs/abortable.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { activeSpanContext, linkActiveSpan, withSpan, type SpanContext } from '#libs/telemetry/trace.ts';
import { bringIn, type CopyOptions, type CopyRequest } from './bring-in.ts';
import { createGate } from './gate.ts';
import type { Priority, Turn, Turns } from './turns.ts';

export interface FetchRequest extends CopyRequest {
  readonly priority: Priority;
}

/** Brings blobs of other regions into this one's storage, each once however many ask. */
export interface Fetcher {
  /**
   * Starts to copy a blob or joins the copy under way. The copy goes on whoever waits for it. Its promises reject with BLOB_UNKNOWN when no
   * region has it, and with UNAVAILABLE when it can't be had now: try again, or relay.
   */
  fetch(request: FetchRequest): Fetching;
  /** Begins no more copies, gives those that clients wait for `graceMs`, and resolves when all have ended. */
  stop(graceMs: number): Promise<void>;
}

export interface Fetching {
  /** Its turn has come: until then it waits for other copies. */
  begun(signal: AbortSignal): Promise<void>;
  /** Storage.Read can follow it. */
  readable(signal: AbortSignal): Promise<void>;
  /** The blob is held whole. */
  held(signal: AbortSignal): Promise<void>;
}

export interface FetcherOptions extends CopyOptions {
  readonly turns: Turns;
  /** A copy that is under way has become more urgent. */
  readonly onRaised: () => void;
}

interface Running extends Fetching {
  readonly turn: Turn;
  readonly abort: () => void;
  readonly ended: Promise<void>;
  /** Where the copy is traced: in the trace of who asked first. */
  readonly span: SpanContext | undefined;
}

export function createFetcher(options: FetcherOptions): Fetcher {
  const running = new Map<string, Running>();
  const stopping = new AbortController();
  return {
    fetch: (request) => {
      const joined = running.get(request.digest);
      if (joined !== undefined) {
        joined.turn.raise(request.priority);
        options.onRaised();
        linkActiveSpan(joined.span);
        return joined;
      }
      const started = start(request, options, stopping.signal);
      running.set(request.digest, started);
      const forget = (): boolean => running.delete(request.digest);
      started.ended.then(forget, forget);
      return started;
    },
    stop: async (graceMs) => {
      stopping.abort(beingStopped());
      for (const { turn, abort } of running.values()) if (!turn.isUrgent()) abort();
      const timer = setTimeout(() => {
        for (const { abort } of running.values()) abort();
      }, graceMs);
      await Promise.allSettled([...running.values()].map(({ ended }) => ended));
      clearTimeout(timer);
    },
  };
}

/** `stopping` ends the waiting for a turn; what has begun is ended by `abort`. */
function start(request: FetchRequest, options: FetcherOptions, stopping: AbortSignal): Running {
  const turn = options.turns.take(request.priority, stopping);
  const gate = createGate();
  const aborted = new AbortController();
  const { digest, size, priority } = request;
  const attributes = { 'blob.digest': digest, 'blob.size': size, 'fetch.priority': priority };
  let span: SpanContext | undefined;
  const ended = withSpan('copy blob', { attributes, signal: aborted.signal }, () => {
    span = activeSpanContext();
    return bringIn(request, turn, gate, options, aborted.signal);
  }).finally(() => turn.end());
  // Whoever waits gets the rejection; a copy that nobody waits for may fail unheard, for the reconcile loop asks again.
  ended.then(gate.open, gate.fail);
  const begun = Promise.race([turn.begun, ended]);
  begun.catch(() => undefined);
  return {
    turn,
    span,
    abort: () => aborted.abort(beingStopped()),
    ended,
    begun: (signal) => abortable(begun, signal),
    readable: (signal) => abortable(gate.opened(), signal),
    held: (signal) => abortable(ended, signal),
  };
}

function beingStopped(): RegistryError {
  return new RegistryError('UNAVAILABLE', 'This region is being stopped. Try another one.', {
    retryAfterSeconds: 1,
  });
}
