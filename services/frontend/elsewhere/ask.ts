import { RegistryError } from '#libs/oci/errors.ts';
import { isPlaced, notPlaced, placementRefusal, type PlacementRefusal } from '#libs/placement.ts';
import type { OtherRegion, OtherRegions } from './regions.ts';
import type { OnUsed, Used } from './used.ts';

export interface AskElsewhere {
  /** The own one's name. */
  readonly region: string;
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

/**
 * Makes a call in the nearest of the other regions; in the next one where that can't answer and the call may be repeated, or where the
 * content must not be. DENIED, as the own region says it, where it must not be here either.
 */
export async function askElsewhere<T>(
  { region, regions, service, isRepeatable, bringsContent = false, onUsed, signal }: AskElsewhere,
  call: (other: OtherRegion) => Promise<T>,
): Promise<T> {
  let failure: RegistryError | undefined;
  let refusal: PlacementRefusal | undefined;
  for (const other of regions.nearestFirst()) {
    if (bringsContent && !other.takesContent) continue;
    try {
      const answer = await call(other);
      onUsed({ service, region: other.region, signal });
      return answer;
    } catch (error) {
      const refused = placementRefusal(error);
      refusal ??= refused;
      if (refused !== undefined) continue;
      if (!isUnavailable(error)) onUsed({ service, region: other.region, signal });
      if (!isUnavailable(error) || !isRepeatable) throw error;
      failure = error;
    }
  }
  if (refusal !== undefined && !isPlaced(refusal.regions, region)) {
    throw notPlaced(refusal.repository, refusal.regions, region);
  }
  if (failure !== undefined) throw failure;
  throw refusal === undefined ? nobody(service) : nobodyElseMay(service, refusal);
}

/** It does not answer, or says itself that it can't. */
function isUnavailable(error: unknown): error is RegistryError {
  return error instanceof RegistryError && error.code === 'UNAVAILABLE';
}

export function nobody(service: string): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region's ${service} does not answer, and no other region that could do it does. Try again in a moment.`,
    { retryAfterSeconds: 2 },
  );
}

function nobodyElseMay(service: string, { repository, regions }: PlacementRefusal): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region's ${service} does not answer, and of ${repository} no other region that does may have content: it is kept in ${regions.join(', ')} only. Try again in a moment.`,
    { retryAfterSeconds: 2 },
  );
}
