import { parseNamePattern } from '#libs/oci/name-pattern.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { EVERYWHERE, isPlaced, notPlaced, placementOf, type PlacementRule } from '#libs/placement.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import type { Reuse } from '#types/meridian/v1/Reuse.ts';

/** What this front end knows of where content may be; decided here, so that no request waits for an answer of another service. */
export interface PlacementRules {
  /** The next frame of the catalog's stream. */
  apply(frame: Frame): void;
  /**
   * Throws DENIED, naming the regions to use, unless the repository's content may be in this region and in `others`. What was told last counts,
   * however long ago. Waits a moment where nothing was told yet; then UNAVAILABLE: what was taken might have to be in other regions only.
   */
  requireHere(repository: RepositoryName, others: readonly string[], signal: AbortSignal): Promise<void>;
  /** For people: the rules, and how many repositories have regions of their own. */
  shown(): { readonly rules: readonly PlacementRule[]; readonly repositories: number };
}

/** Throws DENIED where what the catalog has answered of the repository must not be given in this region. */
export function requirePlaced(repository: string, reuse: Reuse | null, region: string): void {
  const placement = reuse?.regions ?? EVERYWHERE;
  if (!isPlaced(placement, region)) throw notPlaced(repository, placement, region);
}

interface Told {
  readonly rules: readonly PlacementRule[];
  readonly own: ReadonlyMap<string, readonly string[]>;
}

export function createPlacementRules({
  region,
  maxWaitMs,
}: {
  region: string;
  maxWaitMs: number;
}): PlacementRules {
  const first = Promise.withResolvers<undefined>();
  let told: Told | undefined;

  return {
    apply: ({ placements, position }) => {
      // Before the catalog is loaded, there is none in it.
      if (position === null || position.catalogId === '' || placements === null) return;
      told = {
        rules: placements.rules.map(({ pattern, regions }) => ({
          pattern: parseNamePattern(pattern),
          regions,
        })),
        own: new Map(placements.repositories.map(({ repository, regions }) => [repository, regions])),
      };
      first.resolve(undefined);
    },
    requireHere: async (repository, others, signal) => {
      if (told === undefined)
        await Promise.race([
          first.promise,
          aborted(AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)])),
        ]);
      signal.throwIfAborted();
      if (told === undefined) throw notToldYet(repository);
      const placement = placementOf(repository, told.own.get(repository), told.rules);
      const wrong = [region, ...others].find((name) => !isPlaced(placement, name));
      if (wrong !== undefined) throw notPlaced(repository, placement, wrong);
    },
    shown: () => ({ rules: told?.rules ?? [], repositories: told?.own.size ?? 0 }),
  };
}

function notToldYet(repository: string): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This front end has not been told yet whether content of ${repository} may be in its region: the region's replication has not answered since it started. Try again in a moment.`,
    { retryAfterSeconds: 2 },
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
