import type { ViewPosition, ViewState } from './view.ts';

/** Whether the view is of the catalog and has the revision. */
export function hasReached(position: ViewPosition, wanted: ViewPosition): boolean {
  return position.catalogId === wanted.catalogId && position.revision >= wanted.revision;
}

/** Resolves as soon as the view has reached the position. Throws if `signal` aborts. */
export async function untilReached(
  view: ViewState,
  wanted: ViewPosition,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  if (hasReached(view.position(), wanted)) return;
  const settled = Promise.withResolvers<undefined>();
  const unsubscribe = view.subscribe(({ position }) => {
    if (hasReached(position, wanted)) settled.resolve(undefined);
  });
  const onAbort = (): void => settled.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await settled.promise;
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', onAbort);
  }
}

/** The same for at most `timeoutMs`: false if the view has not got there by then. */
export async function reachedWithin(
  view: ViewState,
  wanted: ViewPosition,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    await untilReached(view, wanted, AbortSignal.any([signal, deadline]));
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.aborted) return false;
    throw error;
  }
}
