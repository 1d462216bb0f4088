import { RegistryError } from '#libs/oci/errors.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';

/** What this front end knows of its region's place in the cluster. */
export interface Membership {
  /** The next frame of the catalog's stream. */
  apply(frame: Frame): void;
  /** Whether the region is known to be leaving the cluster, or to have left it. */
  isLeaving(): boolean;
  /** Throws UNAVAILABLE, naming the regions that take writes, where this one does not. What is not known does not stop anyone. */
  requireWritable(): void;
}

const RETRY_AFTER_SECONDS = 30;

/** Frames tell it; beyond `maxFrameGapMs` without one, nothing is known. `now` is monotonic, in milliseconds. */
export function createMembership({
  region,
  maxFrameGapMs,
  now,
}: {
  region: string;
  maxFrameGapMs: number;
  now: () => number;
}): Membership {
  let told: { state: string; elsewhere: readonly string[]; at: number } | undefined;
  const leaving = (): typeof told =>
    told !== undefined && told.state !== 'active' && now() - told.at < maxFrameGapMs ? told : undefined;
  return {
    apply: ({ regionState, elsewhere, position }) => {
      // Before the catalog is loaded, no region is in it; another region's replication does not know what this one is.
      if (position === null || position.catalogId === '' || regionState === '') return;
      told = { state: regionState, elsewhere, at: now() };
    },
    isLeaving: () => leaving() !== undefined,
    requireWritable: () => {
      const found = leaving();
      if (found === undefined) return;
      const { state, elsewhere } = found;
      const why =
        state === 'draining'
          ? `The region ${region} is being drained: it takes no new content, and will leave the cluster.`
          : `The region ${region} was removed from the cluster.`;
      throw new RegistryError(
        'UNAVAILABLE',
        `${why} Push through another region: ${elsewhere.join(', ') || 'none is known here'}.`,
        { detail: { region, state, elsewhere }, retryAfterSeconds: RETRY_AFTER_SECONDS },
      );
    },
  };
}
