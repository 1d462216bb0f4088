import { RegistryError } from '#libs/oci/errors.ts';
import { isNotPlaced } from '#libs/placement.ts';
import type { OtherRegion, OtherRegions } from './regions.ts';
import type { OnUsed, Used } from './used.ts';

export interface AskElsewhere {
  readonly regions: OtherRegions;
  readonly service: Used['service'];
  /** Of what changes something, only one region is asked: whether one that did not answer has done it is not known. */
  readonly isRepeatable: boolean;
  /** Only regions that take content are asked. */
  readonly bringsContent?: boolean;
  readonly onUsed: OnUsed;
  readonly signal: AbortSignal;
}

/** Bringing bytes: having them in two regions does no harm. */
export const CONTENT = { service: 'storage', isRepeatable: true, bringsContent: true } as const;

/** Makes a call in the nearest of the other regions; in the next one where that can't answer and the call may be repeated. */
export async function askElsewhere<T>(
  { regions, service, isRepeatable, bringsContent = false, onUsed, signal }: AskElsewhere,
  call: (other: OtherRegion) => Promise<T>,
): Promise<T> {
  let failure: unknown = nobody(service);
  for (const other of regions.nearestFirst()) {
    if (bringsContent && !other.takesContent) continue;
    try {
      const answer = await call(other);
      onUsed({ service, region: other.region, signal });
      return answer;
    } catch (error) {
      // Content that must not be in that region goes to the next one.
      const isRefused = isNotPlaced(error);
      if (!isRefused && !isUnavailable(error)) onUsed({ service, region: other.region, signal });
      if (!isRefused && !(isUnavailable(error) && isRepeatable)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** It does not answer, or says itself that it can't. */
function isUnavailable(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'UNAVAILABLE';
}

export function nobody(service: string): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region's ${service} does not answer, and no other region that could do it does. Try again in a moment.`,
    { retryAfterSeconds: 2 },
  );
}
