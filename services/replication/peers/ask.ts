import { bounded } from '#libs/bounded.ts';
import { RegistryError } from '#libs/oci/errors.ts';

export interface AskLimits {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Runs one call to another region. Gives it up after `timeoutMs` with an UNAVAILABLE that names the region. */
export async function ask<T>(
  region: string,
  { signal, timeoutMs }: AskLimits,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using limit = bounded(signal, timeoutMs);
  try {
    return await call(limit.signal);
  } catch (error) {
    if (!limit.isLate) throw error;
    throw new RegistryError(
      'UNAVAILABLE',
      `The region ${region} did not answer within ${timeoutMs} ms. It may be overloaded or cut off; try again.`,
      { retryAfterSeconds: 1, cause: error },
    );
  }
}
