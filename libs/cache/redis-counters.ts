import type { Redis } from 'ioredis';
import type { Count, Counters } from './counters.ts';

/** Begins a count that is not there, or never ends, or ends later than any that is begun now. */
const ADD_SCRIPT = `
local count = redis.call('incrby', KEYS[1], ARGV[1])
local left = redis.call('pttl', KEYS[1])
if left < 0 or left > tonumber(ARGV[2]) then
  redis.call('pexpire', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return {count, left}`;
const READ_SCRIPT = `return {redis.call('get', KEYS[1]), redis.call('pttl', KEYS[1])}`;

/** Redis' counts, and never less than the process's own: whoever empties Redis, or writes into it, gains nothing. */
export function createRedisCounters(redis: Redis, own: Counters): Counters {
  const shared = async (key: string, amount: number, windowMs: number): Promise<Count> => {
    const answer: unknown =
      amount === 0
        ? await redis.eval(READ_SCRIPT, 1, `count/${key}`)
        : await redis.eval(ADD_SCRIPT, 1, `count/${key}`, amount, windowMs);
    const [count, left] = (Array.isArray(answer) ? answer : []).map(Number);
    return { count: wholeOf(count, Number.MAX_SAFE_INTEGER), endsInMs: wholeOf(left, windowMs) };
  };
  return {
    add: async (key, amount, windowMs, signal) => {
      const [mine, ours] = await Promise.all([
        own.add(key, amount, windowMs, signal),
        shared(key, amount, windowMs).catch(() => undefined),
      ]);
      signal.throwIfAborted();
      return ours === undefined || ours.count <= mine.count ? mine : ours;
    },
  };
}

function wholeOf(value: number | undefined, max: number): number {
  return value !== undefined && Number.isInteger(value) && value > 0 ? Math.min(value, max) : 0;
}
