import { RegistryError } from '#libs/oci/errors.ts';

export interface StallLimits {
  readonly signal: AbortSignal;
  /** What the first bytes may take. */
  readonly firstTimeoutMs: number;
  /** What all later ones may take, each. */
  readonly stallTimeoutMs: number;
  /** When anything last came from the region, by the clock of `performance`: while other streams bring bytes, this one may only have to wait its turn. */
  readonly heardAt?: () => number;
}

/**
 * The bytes of one stream from another region. When the reader has waited too long for more, the stream is given up with an UNAVAILABLE
 * that names the region; the time a slow reader takes is not counted. Leaving the iteration ends the call.
 */
export async function* unlessStalled(
  region: string,
  { signal, firstTimeoutMs, stallTimeoutMs, heardAt = () => -Infinity }: StallLimits,
  open: (signal: AbortSignal) => AsyncIterable<{ data: Buffer }>,
): AsyncGenerator<Buffer, void, undefined> {
  const stalled = new AbortController();
  const iterator = open(AbortSignal.any([signal, stalled.signal]))[Symbol.asyncIterator]();
  try {
    for (let timeoutMs = firstTimeoutMs; ; timeoutMs = stallTimeoutMs) {
      const stopTimer = afterQuiet(timeoutMs, heardAt, () => stalled.abort(stall(region, timeoutMs)));
      const step = await iterator.next().finally(stopTimer);
      if (step.done === true) return;
      yield step.value.data;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Parts that a waiting time is measured in. */
const SLICES = 4;
/** A stream that is silent while others are not is waited for so many times as long. */
const MAX_WAITS = 4;

/** A timer that this process's own pauses don't set off: after one, what has arrived meanwhile is read before the next slice is over. */
function afterQuiet(timeoutMs: number, heardAt: () => number, giveUp: () => void): () => void {
  let begunAt = performance.now();
  let left = SLICES;
  let waits = 1;
  const tick = (): void => {
    left -= 1;
    if (left === 0 && waits < MAX_WAITS && heardAt() > begunAt) {
      begunAt = performance.now();
      left = SLICES;
      waits += 1;
    }
    if (left === 0) giveUp();
    else timer = setTimeout(tick, timeoutMs / SLICES);
  };
  let timer = setTimeout(tick, timeoutMs / SLICES);
  return () => clearTimeout(timer);
}

function stall(region: string, timeoutMs: number): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `The region ${region} sent nothing for ${timeoutMs} ms. It may be overloaded or cut off; try again.`,
    { retryAfterSeconds: 1 },
  );
}
