/** Tells that a request's client has gone away. */
export interface Leaving {
  /** Aborts when it has; made when it is first asked for, since answers from memory need none. */
  readonly signal: AbortSignal;
  /** The same, if it was asked for. */
  readonly given: AbortSignal | undefined;
  left(): void;
}

export function createLeaving(): Leaving {
  let abort: AbortController | undefined;
  let hasLeft = false;
  return {
    get signal() {
      if (abort === undefined) {
        abort = new AbortController();
        if (hasLeft) abort.abort(clientLeft());
      }
      return abort.signal;
    },
    get given() {
      return abort?.signal;
    },
    left: () => {
      hasLeft = true;
      abort?.abort(clientLeft());
    },
  };
}

function clientLeft(): Error {
  return new Error('The client went away.');
}
