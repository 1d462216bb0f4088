import { setTimeout as pause } from 'node:timers/promises';

const TIMEOUT_MS = 30_000;
const EVERY_MS = 50;

/** Repeats what is refused while a cluster recovers, until it succeeds; throws its last error after half a minute. */
export async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await pause(EVERY_MS);
  }
}
