import { setTimeout } from 'node:timers/promises';
import type { ConfiguredRegion } from '#libs/config/regions.ts';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Barrier } from './barrier.ts';
import { bootstrapCatalog } from './bootstrap.ts';
import { putOwnEndpoint } from './own-endpoint.ts';
import type { ViewState } from './view/view.ts';

const RETRY_MS = 500;

export interface JoinOptions {
  readonly etcd: KeyValueStore;
  readonly view: ViewState;
  /** This region's name. */
  readonly region: string;
  readonly regions: readonly ConfiguredRegion[];
  readonly onFault: (error: unknown) => void;
}

/**
 * Makes or checks the catalog in etcd. While etcd is away: waits for it where the view is empty, or else gives false, so that the region starts
 * with what it knows.
 */
export async function joinCatalog(
  { etcd, view, region, regions, onFault }: JoinOptions,
  signal: AbortSignal,
): Promise<boolean> {
  for (let reported = false; ; reported = true) {
    try {
      const catalogId = await bootstrapCatalog(etcd, { region, regions }, signal);
      const own = regions.find(({ name }) => name === region);
      if (own !== undefined) await putOwnEndpoint(etcd, own, catalogId, signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError) || error.code !== 'UNAVAILABLE') throw error;
      if (!reported) onFault(error);
      if (view.position().catalogId !== '') return false;
      await setTimeout(RETRY_MS, undefined, { signal });
    }
  }
}

/** Resolves when the view holds a catalog and is up to date, or the barrier's deadline is over. */
export async function firstView(view: ViewState, barrier: Barrier, signal: AbortSignal): Promise<void> {
  await untilLoaded(view, signal);
  await barrier(signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!(error instanceof RegistryError)) throw error;
  });
}

async function untilLoaded(view: ViewState, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (view.position().catalogId !== '') return;
  const loaded = Promise.withResolvers<undefined>();
  const unsubscribe = view.subscribe(({ position }) => {
    if (position.catalogId !== '') loaded.resolve(undefined);
  });
  const onAbort = (): void => loaded.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await loaded.promise;
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', onAbort);
  }
}
