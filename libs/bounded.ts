/** One for all: an `abort()` without a reason makes a DOMException, whose stack takes longer than much of what it ends. */
const OVER = new Error('The work is over.');

/** The end of a piece of work that others may end, too. Disposing, when the work is over, leaves the signal as it is. */
export interface Bounded extends Disposable {
  /** Aborts with the signal that the work is bound to, when its time is over, and by `abort`. */
  readonly signal: AbortSignal;
  /** Whether the time was over before anything else ended the work; the signal's reason is a TimeoutError then. */
  readonly isLate: boolean;
  abort(reason?: Error): void;
}

/**
 * Binds work to a signal, and to a time where one is given. What `AbortSignal.any` and `AbortSignal.timeout` make is let go of by the garbage
 * collector only, which is dear for what each request does several times.
 */
export function bounded(by: AbortSignal | undefined, timeoutMs?: number): Bounded {
  const own = new AbortController();
  let isLate = false;
  const follow = (): void => own.abort(by?.reason);
  const beLate = (): void => {
    isLate = !own.signal.aborted;
    own.abort(new DOMException(`The time of ${timeoutMs} ms is over.`, 'TimeoutError'));
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(beLate, timeoutMs).unref();
  if (by?.aborted === true) follow();
  else by?.addEventListener('abort', follow, { once: true });
  return {
    signal: own.signal,
    get isLate() {
      return isLate;
    },
    abort: (reason = OVER) => own.abort(reason),
    [Symbol.dispose]: () => {
      by?.removeEventListener('abort', follow);
      clearTimeout(timer);
    },
  };
}
