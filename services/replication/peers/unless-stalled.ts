import { RegistryError } from '#libs/oci/errors.ts';

export interface StallLimits {
  readonly signal: AbortSignal;
  /** What the first bytes may take. */
  readonly firstTimeoutMs: number;
  /** What all later ones may take, each. */
  readonly stallTimeoutMs: number;
}

/**
 * The bytes of one stream from another region. When the reader has waited too long for more, the stream is given up with an UNAVAILABLE
 * that names the region; the time a slow reader takes is not counted. Leaving the iteration ends the call.
 */
export async function* unlessStalled(
  region: string,
  { signal, firstTimeoutMs, stallTimeoutMs }: StallLimits,
  open: (signal: AbortSignal) => AsyncIterable<{ data: Buffer }>,
): AsyncGenerator<Buffer, void, undefined> {
  const stalled = new AbortController();
  const iterator = open(AbortSignal.any([signal, stalled.signal]))[Symbol.asyncIterator]();
  try {
    for (let timeoutMs = firstTimeoutMs; ; timeoutMs = stallTimeoutMs) {
      const timer = setTimeout(() => stalled.abort(stall(region, timeoutMs)), timeoutMs);
      const step = await iterator.next().finally(() => clearTimeout(timer));
      if (step.done === true) return;
      yield step.value.data;
    }
  } finally {
    await iterator.return?.();
  }
}

function stall(region: string, timeoutMs: number): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `The region ${region} sent nothing for ${timeoutMs} ms. It may be overloaded or cut off; try again.`,
    { retryAfterSeconds: 1 },
  );
}
