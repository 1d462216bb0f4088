import { RegistryError } from '#libs/oci/errors.ts';

/** A message of a client's stream: the first carries a header, all others bytes. */
export interface Part {
  readonly data?: Buffer;
}

/**
 * Runs `work` with the header and the bytes of a stream of requests, and closes the stream however `work` ends. The bytes end with an
 * error as soon as `signal` aborts, even while the caller sends nothing.
 */
export async function withParts<P extends Part, H, T>(
  parts: AsyncIterable<P>,
  headerOf: (part: P) => H | null | undefined,
  signal: AbortSignal,
  work: (header: H, data: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const iterator = parts[Symbol.asyncIterator]();
  const state = { ended: false };
  // One listener for all steps: there may be thousands.
  let interrupt = (_reason: unknown): void => undefined;
  const onAbort = (): void => interrupt(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const next = async (): Promise<P | undefined> => {
    signal.throwIfAborted();
    const step = await new Promise<IteratorResult<P>>((resolve, reject) => {
      interrupt = reject;
      iterator.next().then(resolve, reject);
    });
    if (step.done !== true) return step.value;
    state.ended = true;
    return undefined;
  };
  try {
    const first = await next();
    const header = first === undefined ? undefined : headerOf(first);
    if (header === undefined || header === null)
      throw new RegistryError('INTERNAL', 'The first message of the stream has to carry its header.');
    return await work(header, bytesOf(next));
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Not awaited: a stuck caller closes once it gets unstuck.
    if (!state.ended) iterator.return?.().catch(() => undefined);
  }
}

async function* bytesOf(next: () => Promise<Part | undefined>): AsyncGenerator<Buffer, void, undefined> {
  for (let part = await next(); part !== undefined; part = await next()) {
    if (part.data !== undefined && part.data.length > 0) yield part.data;
  }
}
