import { abortableWaits } from '#libs/abortable.ts';
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
  const waits = abortableWaits(signal);
  const next = async (): Promise<P | undefined> => {
    const step = await waits.for(iterator.next());
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
    waits.end();
    // Not awaited: a stuck caller closes once it gets unstuck.
    if (!state.ended) iterator.return?.().catch(() => undefined);
  }
}

async function* bytesOf(next: () => Promise<Part | undefined>): AsyncGenerator<Buffer, void, undefined> {
  for (let part = await next(); part !== undefined; part = await next()) {
    if (part.data !== undefined && part.data.length > 0) yield part.data;
  }
}
