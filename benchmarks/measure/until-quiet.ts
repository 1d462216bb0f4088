import { setTimeout as pause } from 'node:timers/promises';
import { cpuSecondsOf } from './process-usage.ts';

const WINDOW_MS = 500;
/** Of one processor, in a window. */
const QUIET_SHARE = 0.1;
const TIMEOUT_MS = 120_000;

/** Resolves when these processes do next to nothing any more. */
export async function untilQuiet(pids: readonly number[], signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  let before = await cpuSecondsOf(pids);
  for (;;) {
    await pause(WINDOW_MS, undefined, { signal });
    const now = await cpuSecondsOf(pids);
    if (now - before < (QUIET_SHARE * WINDOW_MS) / 1_000) return;
    if (performance.now() > deadline) throw new Error(`Servers are still busy after ${TIMEOUT_MS} ms.`);
    before = now;
  }
}

const STILL_MS = 300;

/** Resolves when a count has not grown for a moment. */
export async function untilStill(count: () => number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (let before = -1; before !== count();) {
    before = count();
    await pause(STILL_MS, undefined, { signal });
    if (performance.now() > deadline) throw new Error(`Copies still go on after ${TIMEOUT_MS} ms.`);
  }
}
