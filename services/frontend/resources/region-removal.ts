import { RegistryError } from '#libs/oci/errors.ts';
import type { ClusterRegion } from '#types/meridian/v1/ClusterRegion.ts';
import type { Drain } from '#types/meridian/v1/Drain.ts';
import type { Frontend } from '../frontend.ts';
import { shownDrain } from './shown-drain.ts';

/** How long a removal waits for a check of the region. */
const CHECK_WAIT_MS = 8_000;
const RETRY_AFTER_SECONDS = 10;

export interface Removal {
  /** That of the record that was judged: it must be the same when the region goes. */
  readonly version: number;
  /** What could go with the region; undefined where nothing can. */
  readonly mayBeLost: object | undefined;
}

/**
 * Whether a region may go: it has been drained, and a check since its record was last changed has found nothing that only it has. Throws CONFLICT
 * with the particulars where it may not, unless `force`; NAME_UNKNOWN.
 */
export async function judgeRemoval(
  { catalog, operations }: Pick<Frontend, 'catalog' | 'operations'>,
  region: string,
  force: boolean,
  signal: AbortSignal,
): Promise<Removal> {
  const { regions } = await catalog.listRegions({}, { signal });
  const record = regions.find((known) => known.region === region);
  // What is not there is for the catalog to refuse.
  if (record === undefined) return { version: 0, mayBeLost: undefined };
  const { version } = record;
  if (record.state !== 'draining' && !force) throw notDraining(record);
  let drain: Drain;
  try {
    drain = await operations.checkDrain({ region, waitMs: CHECK_WAIT_MS }, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RegistryError)) throw error;
    if (!force) throw unreachable(region, error);
    const why = `The region could not be asked: ${error.message} Content that no other region held is lost with it.`;
    return { version, mayBeLost: { message: why } };
  }
  if (drain.drained && drain.revision >= version) return { version, mayBeLost: undefined };
  if (!force) throw notDrained(drain);
  const message = 'Content that only this region held is lost with it.';
  return { version, mayBeLost: { message, ...shownDrain(drain) } };
}

function notDraining({ region, state }: ClusterRegion): RegistryError {
  return new RegistryError(
    'CONFLICT',
    `The region ${region} is ${state}: drain it first (PATCH with {"state": "draining"}), or remove it with ?force=true and lose what only it has.`,
    { detail: { reason: 'state', region, state } },
  );
}

function unreachable(region: string, cause: RegistryError): RegistryError {
  return new RegistryError(
    'CONFLICT',
    `The region ${region} can't be asked what only it holds: ${cause.message} If it will never come back, remove it with ?force=true.`,
    { cause, detail: { reason: 'unreachable', region }, retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}

function notDrained(drain: Drain): RegistryError {
  const { region, soleBlobs, soleBytes, solePins, placedHereOnly, unreachable, failure } = drain;
  const what =
    drain.finishedAt === 0
      ? 'it has not been looked at whole yet'
      : soleBlobs + solePins > 0
        ? `${soleBlobs} blobs (${soleBytes} bytes) and ${solePins} of unfinished pushes are not in enough other regions yet`
        : 'the check that says so is still to come';
  const only =
    placedHereOnly.length === 0
      ? ''
      : ` The content of ${placedHereOnly.join(', ')} may be in no other active region: change their setting regions, or the rules of placements.`;
  const away = unreachable.length === 0 ? '' : ` Out of reach: ${unreachable.join(', ')}.`;
  return new RegistryError(
    'CONFLICT',
    `The region ${region} is not drained: ${failure === '' ? what : failure}.${only}${away} Try again in a moment, or remove it with ?force=true and lose that.`,
    { detail: { reason: 'not drained', ...shownDrain(drain) }, retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}
