import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';

/**
 * Gives the frames of one replication process to all who follow it, opening the stream again whenever it ends, until `signal` aborts.
 * While there is none, what was told ages and is not relied on.
 */
export async function followCatalog(options: {
  catalog: Pick<Catalog, 'follow'>;
  followers: readonly { apply(frame: Frame): void }[];
  retryMs: number;
  signal: AbortSignal;
}): Promise<void> {
  const { catalog, followers, retryMs, signal } = options;
  while (!signal.aborted) {
    try {
      let first = true;
      for await (const frame of catalog.follow({}, { signal })) {
        for (const follower of followers) follower.apply(first ? { ...frame, reset: true } : frame);
        first = false;
      }
    } catch {
      // An ended stream needs no word of its own: answers now come from the catalog, and their failures are told.
    }
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  }
}
