import type { ViewPosition, ViewState } from './view.ts';

/** Whether the view is of the catalog and has the revision. */
export function hasReached(position: ViewPosition, wanted: ViewPosition): boolean {
  return position.catalogId === wanted.catalogId && position.revision >= wanted.revision;
}

/** Resolves to true as soon as the view has reached the position, to false after `timeoutMs`. Throws if `signal` aborts. */
export async function untilReached(
  view: ViewState,
  wanted: ViewPosition,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted();
  if (hasReached(view.position(), wanted)) return true;
  const settled = Promise.withResolvers<boolean>();
  const unsubscribe = view.subscribe(({ position }) => {
    if (hasReached(position, wanted)) settled.resolve(true);
  });
  const timer = setTimeout(() => settled.resolve(false), timeoutMs);
  const onAbort = (): void => settled.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await settled.promise;
  } finally {
    unsubscribe();
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
