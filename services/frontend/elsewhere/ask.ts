import { RegistryError } from '#libs/oci/errors.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import type { OtherRegion, OtherRegions } from './regions.ts';
import type { OnUsed, Used } from './used.ts';

export interface AskElsewhere {
  readonly regions: OtherRegions;
  readonly service: Used['service'];
  /** Of what changes something, only one region is asked: whether one that did not answer has done it is not known. */
  readonly isRepeatable: boolean;
  readonly onUsed: OnUsed;
  readonly signal: AbortSignal;
}

/** Makes a call in the nearest of the other regions; in the next one where that does not answer and the call may be repeated. */
export async function askElsewhere<T>(
  { regions, service, isRepeatable, onUsed, signal }: AskElsewhere,
  call: (other: OtherRegion) => Promise<T>,
): Promise<T> {
  let failure: unknown = nobody(service);
  for (const other of regions.nearestFirst()) {
    try {
      const answer = await call(other);
      onUsed({ service, region: other.region, signal });
      return answer;
    } catch (error) {
      if (!(error instanceof Unanswered)) onUsed({ service, region: other.region, signal });
      if (!(error instanceof Unanswered) || !isRepeatable) throw error;
      failure = error;
    }
  }
  throw failure;
}

export function nobody(service: string): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region's ${service} does not answer, and no other region does. Try again in a moment.`,
    { retryAfterSeconds: 2 },
  );
}
