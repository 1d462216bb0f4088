import type { Counters } from '#libs/cache/counters.ts';
import { RegistryError } from '#libs/oci/errors.ts';

/** Who tries to log in. */
export interface Attempt {
  readonly name: string;
  readonly address: string;
}

/** Makes guessing slow, without locking out whoever is guessed at. */
export interface Delays {
  /** Throws TOOMANYREQUESTS while a delay runs. */
  require(attempt: Attempt, signal: AbortSignal): Promise<void>;
  /** The attempt was wrong. */
  failed(attempt: Attempt, signal: AbortSignal): Promise<void>;
}

/** How wrong attempts of one kind are answered: so many are free within the window, each after them doubles the delay. */
interface Rule {
  readonly key: (attempt: Attempt) => string;
  readonly free: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

const WINDOW_MS = 15 * 60_000;
/** Counted apart: who guesses one name from one place, one place's guesses at many names, and guesses at one name from many places. */
const RULES: readonly Rule[] = [
  { key: ({ name, address }) => `both/${name}/${address}`, free: 5, firstMs: 1_000, longestMs: 60_000 },
  { key: ({ address }) => `address/${address}`, free: 50, firstMs: 1_000, longestMs: 60_000 },
  { key: ({ name }) => `name/${name}`, free: 100, firstMs: 250, longestMs: 2_000 },
];
/** Longer names are nobody's, and are counted as one. */
const MAX_NAME_LENGTH = 128;

export function createDelays(counters: Counters): Delays {
  const keysOf = (attempt: Attempt): readonly (readonly [Rule, string])[] => {
    const name = attempt.name.length > MAX_NAME_LENGTH ? '' : encodeURIComponent(attempt.name);
    return RULES.map((rule) => [rule, rule.key({ ...attempt, name })] as const);
  };
  return {
    require: async (attempt, signal) => {
      const running = keysOf(attempt).map(([{ longestMs }, key]) =>
        counters.add(`login-delay/${key}`, 0, longestMs, signal),
      );
      for (const { count, endsInMs } of await Promise.all(running)) {
        if (count > 0) throw tooMany(endsInMs);
      }
    },
    failed: async (attempt, signal) => {
      const counted = keysOf(attempt).map(async ([{ free, firstMs, longestMs }, key]) => {
        const { count } = await counters.add(`login-failed/${key}`, 1, WINDOW_MS, signal);
        if (count < free) return;
        const delayMs = Math.min(longestMs, firstMs * 2 ** Math.min(count - free, 30));
        await counters.add(`login-delay/${key}`, 1, delayMs, signal);
      });
      await Promise.all(counted);
    },
  };
}

function tooMany(endsInMs: number): RegistryError {
  const seconds = Math.max(1, Math.ceil(endsInMs / 1000));
  return new RegistryError(
    'TOOMANYREQUESTS',
    `Too many logins have failed. Try again in ${seconds} s, with the right name and password or token.`,
    { retryAfterSeconds: seconds },
  );
}
