/** A service of another region did what the own region's could not. */
export interface Used {
  readonly service: 'storage' | 'replication';
  readonly region: string;
  /** That of the request for which. */
  readonly signal: AbortSignal;
  /** Set for bytes of blobs that came; unset for the call. */
  readonly bytes?: number;
}

export type OnUsed = (used: Used) => void;

/** Which regions each request has used; a request is known by its signal. */
export interface UsedRegions {
  note(used: Used): void;
  /** By name. */
  of(signal: AbortSignal): readonly string[];
}

export function createUsedRegions(): UsedRegions {
  const regions = new WeakMap<AbortSignal, Set<string>>();
  return {
    note: ({ signal, region }) => {
      const known = regions.get(signal);
      if (known === undefined) regions.set(signal, new Set([region]));
      else known.add(region);
    },
    of: (signal) => Array.from(regions.get(signal) ?? []).sort(),
  };
}
