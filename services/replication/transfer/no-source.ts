import { RegistryError } from '#libs/oci/errors.ts';

/** Why regions could not be asked for a blob, or not be believed, by their names. */
export type Refusals = Map<string, string>;

const RETRY_AFTER_SECONDS = 2;

/** What is thrown when no region sends a blob. `complete` is false while the cluster's regions are not known for sure. */
export function noSource(digest: string, refusals: Refusals, complete: boolean): RegistryError {
  const regions = [...refusals.keys()];
  if (regions.length > 0) {
    const reasons = [...refusals].map(([region, reason]) => `${region}: ${reason}`).join('; ');
    return new RegistryError(
      'UNAVAILABLE',
      `The blob ${digest} is not in this region, and ${regions.join(' and ')} could not give it (${reasons}). ` +
        'Try again in a moment.',
      { detail: { digest, regions }, retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }
  if (complete) return new RegistryError('BLOB_UNKNOWN', `No region holds the blob ${digest}.`);
  return new RegistryError(
    'UNAVAILABLE',
    `The blob ${digest} is not in this region, and which other regions there are is not known yet. Try again in a moment.`,
    { detail: { digest, regions: [] }, retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

/** The regions that might have had the blob, of an error that `noSource` made; undefined for all others. */
export function refusingRegions(error: unknown): readonly string[] | undefined {
  if (!(error instanceof RegistryError)) return undefined;
  if (error.code === 'BLOB_UNKNOWN') return [];
  const { regions } = (error.detail ?? {}) as { regions?: readonly string[] };
  return regions === undefined || regions.length === 0 ? undefined : regions;
}

/** What is said of a region whose call failed. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
