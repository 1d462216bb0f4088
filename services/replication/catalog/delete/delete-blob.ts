import { randomUUID } from 'node:crypto';
import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { lagging, type Barrier } from '../barrier.ts';
import type { Clock, PinFinder, Unpinned, Unpinner } from '../collaborators.ts';
import { HEAD_KEY, removalsKey } from '../keys.ts';
import { checkCondition, parseMatch } from '../push/request.ts';
import { blobAbsent } from '../read/find-blob.ts';
import { headRecord, removalsRecord } from '../records.ts';
import { transact } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import type { View, ViewPosition } from '../view/view.ts';
import type { DeleteOptions } from './delete-tag.ts';

/** The most manifests that a refusal names. */
const MAX_LISTED = 3;

const RETRY_AFTER_SECONDS = 5;

interface Options extends Omit<DeleteOptions, 'receipts'> {
  readonly barrier: Barrier;
  readonly pins: PinFinder & Unpinner;
  readonly clock: Clock;
}

interface Target {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/**
 * `Catalog.DeleteBlob`: the pins end first, then the catalog tells. So who reads the catalog after that finds no pin from before: pushes
 * under way look again, and front ends forget whom they let in. A push that comes between is found by the second look, and wins.
 */
export function createDeleteBlob(options: Options): Catalog['deleteBlob'] {
  const { view, barrier, pins, settings, onEvent } = options;
  return async (request, { signal }) => {
    const target = {
      repository: parseRepositoryName(request.repository),
      digest: parseDigest(request.digest),
    };
    const { repository, digest } = target;
    const ifMatch = parseMatch(request.ifMatch);
    await barrier(signal);
    refuseNamed(view, target);
    const found = await pins.find(repository, [digest], signal);
    const isPinned = found.sizes.has(digest);
    // What was given up may have been so in some regions only.
    if (!isPinned && !found.givenUp.has(digest)) throw blobAbsent(repository, digest, found.unreachable);
    if (isPinned) checkCondition({ ifMatch, ifNoneMatch: '' }, digest, `The blob ${digest}`);

    const regions = view.regions().map(({ name }) => name);
    const unpinned = await pins.unpin(repository, digest, regions, signal);
    const position = await tell(options, target, signal);
    if (!(await reachedWithin(view, position, settings.barrierTimeoutMs, signal))) {
      throw lagging(position.revision, view.position().revision);
    }
    refuseNamed(view, target);
    if (unpinned.unreachable.length > 0) throw stillPinned(target, unpinned);
    if (!unpinned.pinned) throw blobAbsent(repository, digest, []);
    onEvent({ kind: 'delete', repository, reference: digest });
    return { position: { ...position, stalenessMs: 0 } };
  };
}

/** Puts `removals` and head; harmless when it is done twice. */
async function tell(
  { etcd, view, settings, clock }: Options,
  { repository, digest }: Target,
  signal: AbortSignal,
): Promise<ViewPosition> {
  const { catalogId } = view.position();
  const removals = removalsRecord.encode({ digest, removedAtMs: clock.nowMs() });
  const head = headRecord.encode({ catalogId, id: randomUUID() });
  const { revision } = await transact(
    etcd,
    {
      then: [
        { kind: 'put', key: removalsKey(repository), value: removals },
        { kind: 'put', key: HEAD_KEY, value: head },
      ],
    },
    { what: 'The deletion', timeoutMs: settings.commitTimeoutMs },
    signal,
  );
  return { catalogId, revision };
}

/** Nothing that a manifest names is given up. */
function refuseNamed(view: View, { repository, digest }: Target): void {
  if (view.repository(repository)?.state === 'deleting') return;
  if (view.manifestSize(repository, digest) !== undefined) {
    const message = `${digest} is a manifest of the repository ${repository}. Delete it as one, at /v2/${repository}/manifests/${digest}.`;
    throw new RegistryError('UNSUPPORTED', message);
  }
  const manifests = view.namedBy(repository, digest, MAX_LISTED + 1);
  if (manifests.length === 0) return;
  const listed = manifests.slice(0, MAX_LISTED);
  const others = manifests.length > MAX_LISTED ? ' and others' : '';
  throw new RegistryError(
    'UNSUPPORTED',
    `The blob ${digest} is part of the repository ${repository} by the manifests ${listed.join(', ')}${others}. ` +
      'Delete these manifests first; without them the blob can be deleted, or be left to the collection of what nothing names.',
    { detail: { manifests: listed } },
  );
}

function stillPinned({ repository, digest }: Target, { done, unreachable }: Unpinned): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `The repository ${repository} has given the blob ${digest} up in ${done.join(', ') || 'no region'}, but may still have it in ` +
      `${unreachable.join(', ')}, which can't be reached now. Delete it again, which is safe, once that is back.`,
    { detail: { done, unreachable }, retryAfterSeconds: RETRY_AFTER_SECONDS },
  );
}
