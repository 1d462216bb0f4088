import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Unowned, UnownedView } from '../view/view.ts';
import { adopt, type AdoptOptions, type NamingManifest } from './adopt.ts';
import { createDue } from './due.ts';
import { hadHere, type HereOptions } from './here.ts';

export interface AdopterOptions extends AdoptOptions, Pick<HereOptions, 'storage'> {
  readonly onFault: (error: unknown) => void;
}

/**
 * Has manifests own what they named before it was there. It is prompted by what arrives, and compares all that is named with what this
 * region has now and then: a lost prompt costs time only.
 */
export interface Adopter {
  /** The repository has this blob or manifest since now. */
  arrived(repository: RepositoryName, digest: Digest): void;
  stop(): Promise<void>;
}

/** Manifests of one repository that one arrival prompts for; a sweep finds the others. */
const MAX_PROMPTED = 1_000;
const MAX_WAITING = 10_000;
const MAX_RUNNING = 4;
const SWEEP_PAGE = 500;

export function startAdopter(options: AdopterOptions): Adopter {
  const { view, onFault } = options;
  const stopped = new AbortController();
  const limits = { maxWaiting: MAX_WAITING, onFault };
  const adopting = createDue<NamingManifest>({
    ...limits,
    maxRunning: MAX_RUNNING,
    work: (manifest, signal) => adopt(options, manifest, signal),
  });
  const adoptInto = (repository: RepositoryName, digest: Digest): void =>
    adopting.add(`${repository}@${digest}`, { repository, digest });
  const lookAt: LookAt = async (unowned, signal) => {
    for (const { repository, namedBy } of await hadHere(options, unowned, signal))
      adoptInto(repository, namedBy);
  };
  /** What a manifest names may have arrived while it was being pushed, before anyone could know that it was waited for. */
  const looking = createDue<NamingManifest>({
    ...limits,
    maxRunning: 1,
    work: ({ repository, digest }, signal) => lookAt(view.unownedBy(repository, digest), signal),
  });
  const unsubscribe = view.subscribe(({ manifests }) => {
    for (const { repository, digest } of manifests) {
      if (view.unownedBy(repository, digest).length > 0) {
        looking.add(`${repository}@${digest}`, { repository, digest });
      }
    }
  });
  const sweeping = sweepNowAndThen(lookAt, options, stopped.signal);

  return {
    arrived: (repository, digest) => {
      for (const { namedBy } of view.unownedAs(repository, digest, MAX_PROMPTED))
        adoptInto(repository, namedBy);
    },
    stop: async () => {
      unsubscribe();
      stopped.abort(new Error('The catalog is being closed.'));
      await Promise.all([sweeping, looking.stop(), adopting.stop()]);
    },
  };
}

type LookAt = (unowned: readonly Unowned[], signal: AbortSignal) => Promise<void>;

async function sweepNowAndThen(
  lookAt: LookAt,
  { view, settings, onFault }: AdopterOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sweep(view, lookAt, signal).catch((error: unknown) => {
      if (!signal.aborted && !(error instanceof RegistryError)) onFault(error);
    });
    await setTimeout(settings.adoptEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Goes through all that is named without being owned, a page at a time. */
async function sweep(view: UnownedView, lookAt: LookAt, signal: AbortSignal): Promise<void> {
  for (let page = view.unowned(undefined, SWEEP_PAGE); page.length > 0;) {
    await lookAt(page, signal);
    await setImmediate();
    signal.throwIfAborted();
    page = view.unowned(page.at(-1), SWEEP_PAGE);
  }
}
