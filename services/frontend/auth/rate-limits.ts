import { LRUCache } from 'lru-cache';
import type { Counters } from '#libs/cache/counters.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RequestContext } from '../http/context.ts';
import { addressOf } from './address.ts';

/** How many requests one may make in a minute; 0: as many as one likes. */
export interface RateLimitSettings {
  readonly perIdentity: number;
  /** Of those who are not logged in, by address. */
  readonly perAddress: number;
}

export interface RateLimits {
  /** Counts a request and tells what is left. Throws TOOMANYREQUESTS. */
  count(ctx: RequestContext, owner: string | undefined): void;
}

const WINDOW_MS = 60_000;
const MAX_COUNTED = 50_000;
/** What is not shared in that time is shared with the next requests. */
const SHARE_TIMEOUT_MS = 1_000;

interface Counted {
  count: number;
  endsAt: number;
  /** Not told to the other front ends yet. */
  unshared: number;
  isSharing: boolean;
}

/**
 * Requests wait for nobody: they are counted here, and what the region's other front ends counted comes in behind. `now` gives monotonic
 * milliseconds.
 */
export function createRateLimits(
  { perIdentity, perAddress }: RateLimitSettings,
  counters: Counters,
  now: () => number,
): RateLimits {
  const all = new LRUCache<string, Counted>({ max: MAX_COUNTED });
  const countedOf = (key: string): Counted => {
    const before = all.get(key);
    if (before !== undefined && before.endsAt > now()) return before;
    const fresh = { count: 0, endsAt: now() + WINDOW_MS, unshared: 0, isSharing: false };
    all.set(key, fresh);
    return fresh;
  };
  const share = async (key: string, counted: Counted): Promise<void> => {
    if (counted.isSharing) return;
    counted.isSharing = true;
    const amount = counted.unshared;
    counted.unshared = 0;
    try {
      const signal = AbortSignal.timeout(SHARE_TIMEOUT_MS);
      const { count, endsInMs } = await counters.add(`rate/${key}`, amount, WINDOW_MS, signal);
      counted.count = Math.max(counted.count, count + counted.unshared);
      if (endsInMs > 0) counted.endsAt = Math.min(counted.endsAt, now() + endsInMs);
    } catch {
      counted.unshared += amount;
    } finally {
      counted.isSharing = false;
    }
  };
  return {
    count: (ctx, owner) => {
      const limit = owner === undefined ? perAddress : perIdentity;
      if (limit === 0) return;
      const key = owner === undefined ? `address/${addressOf(ctx)}` : `identity/${owner}`;
      const counted = countedOf(key);
      counted.count += 1;
      counted.unshared += 1;
      share(key, counted).catch(() => undefined);
      // As Docker Hub writes them: https://docs.docker.com/docker-hub/usage/pulls/
      ctx.set('RateLimit-Limit', `${limit};w=${WINDOW_MS / 1000}`);
      ctx.set('RateLimit-Remaining', `${Math.max(0, limit - counted.count)};w=${WINDOW_MS / 1000}`);
      if (counted.count > limit) throw tooMany(limit, counted.endsAt - now());
    },
  };
}

function tooMany(limit: number, leftMs: number): RegistryError {
  const seconds = Math.max(1, Math.ceil(leftMs / 1000));
  return new RegistryError(
    'TOOMANYREQUESTS',
    `More than ${limit} requests came within a minute. Try again in ${seconds} s.`,
    { retryAfterSeconds: seconds },
  );
}
