import { setTimeout as pause } from 'node:timers/promises';
import { parseDigest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { AwaitDurableRequest } from '#types/meridian/v1/AwaitDurableRequest.ts';
import type { RegionDurability } from '#types/meridian/v1/RegionDurability.ts';
import type { Content } from '../catalog/collaborators.ts';
import { reachedWithin } from '../catalog/view/reached.ts';
import type { OwnershipView, ViewState } from '../catalog/view/view.ts';
import { missingOf } from './missing-of.ts';

/** One call lasts no longer, so that whoever asks notices soon when the region is gone. */
const MAX_WAIT_MS = 5_000;
/** Calls that wait at the same time. */
const MAX_WAITING = 4_096;
/** Pauses between two looks at what was missing, doubled from one to the next. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 500;

export interface AwaitDurableOptions {
  readonly region: string;
  readonly view: ViewState & OwnershipView;
  readonly storage: Pick<Storage, 'stat'>;
}

type AwaitDurable = (request: AwaitDurableRequest, signal: AbortSignal) => Promise<RegionDurability>;

/** `Operations.AwaitDurable` for this region: by its own view and its own storage, looked at again until nothing is missing. */
export function createAwaitDurable(options: AwaitDurableOptions): AwaitDurable {
  let waiting = 0;
  return async (request, signal) => {
    if (waiting >= MAX_WAITING) throw tooMany(options.region);
    waiting += 1;
    try {
      return await untilDurable(options, request, signal);
    } finally {
      waiting -= 1;
    }
  };
}

async function untilDurable(
  { region, view, storage }: AwaitDurableOptions,
  request: AwaitDurableRequest,
  signal: AbortSignal,
): Promise<RegionDurability> {
  const endMs = performance.now() + Math.min(request.waitMs, MAX_WAIT_MS);
  const leftMs = (): number => Math.max(0, endMs - performance.now());
  const viewReached = await reachedWithin(view, request, Math.ceil(leftMs()), signal);
  const content = contentOf(view, request, viewReached);
  let missing = await missingOf(content, storage, signal);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const isDurable = viewReached && missing.length === 0;
    if (isDurable || leftMs() === 0) {
      const missingBytes = missing.reduce((sum, { size }) => sum + size, 0);
      return { region, durable: isDurable, viewReached, missingBlobs: missing.length, missingBytes };
    }
    await pause(Math.min(pauseMs, leftMs()), undefined, { signal });
    missing = await missingOf(missing, storage, signal);
    // What was held at an earlier look may have been lost since.
    if (missing.length === 0) missing = await missingOf(content, storage, signal);
  }
}

/** All that the manifest stands for; nothing while the view has not heard of it. Throws MANIFEST_UNKNOWN where it should have. */
function contentOf(
  view: OwnershipView,
  { repository, digest }: AwaitDurableRequest,
  viewReached: boolean,
): Content[] {
  const content = view.closure(parseRepositoryName(repository), [parseDigest(digest)]);
  if (content.length > 0 || !viewReached) return content;
  throw new RegistryError('MANIFEST_UNKNOWN', `The repository ${repository} has no manifest ${digest}.`);
}

function tooMany(region: string): RegistryError {
  return new RegistryError(
    'TOOMANYREQUESTS',
    `In the region ${region} ${MAX_WAITING} requests wait for content already; ask again in a moment.`,
    { retryAfterSeconds: 1 },
  );
}
