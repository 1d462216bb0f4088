/** Waits for `promise`, but no longer than until `signal` aborts; then throws its reason, and what becomes of the promise is nobody's concern. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const waits = abortableWaits(signal);
  try {
    return await waits.for(promise);
  } finally {
    waits.end();
  }
}

/** One wait after the other. */
export interface AbortableWaits {
  for<T>(promise: Promise<T>): Promise<T>;
  /** To be called after the last. */
  end(): void;
}

/** As `abortable`, for as many promises as there are: all with one listener, since there may be thousands. */
export function abortableWaits(signal: AbortSignal): AbortableWaits {
  let giveUp = (): void => undefined;
  const onAbort = (): void => giveUp();
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    for: <T>(promise: Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        promise.then(resolve, reject);
        giveUp = () => reject(signal.reason as Error);
        if (signal.aborted) giveUp();
      }),
    end: () => signal.removeEventListener('abort', onAbort),
  };
}
