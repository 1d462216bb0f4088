import { Worker } from 'node:worker_threads';
import type { Outcome } from './loop.ts';
import { maxBytesOf } from './target.ts';
import { TARGETS } from './targets/all.ts';
import { INPUT_OFFSET, type Assignment } from './worker.ts';

/** A thread of its own, so that an input which never ends is a finding as well. */
export interface FuzzThread {
  run(assignment: Assignment): Promise<Outcome>;
  close(): Promise<void>;
}

/** An input that takes longer hangs the parser: all others are done in microseconds. */
const HANG_MS = 30_000;

const LONGEST = Math.max(
  ...TARGETS.flatMap((target) => [
    maxBytesOf(target),
    ...target.seeds.map((seed) => Buffer.byteLength(seed)),
  ]),
);

export function startThread(): FuzzThread {
  const current = new SharedArrayBuffer(INPUT_OFFSET + LONGEST);
  const counters = new Int32Array(current, 0, 2);
  const start = (): Worker => new Worker(new URL('./worker.ts', import.meta.url), { workerData: current });
  let worker = start();
  return {
    run: async (assignment) => {
      const ended = Promise.withResolvers<Outcome | 'hangs'>();
      const { resolve, reject } = ended;
      worker.once('message', resolve).once('error', reject).postMessage(assignment);
      let before = 0;
      const watch = setInterval(() => {
        const now = Atomics.load(counters, 0);
        if (now === before && now > 0) ended.resolve('hangs');
        before = now;
      }, HANG_MS);
      const outcome = await ended.promise.finally(() => clearInterval(watch));
      worker.off('message', resolve).off('error', reject);
      if (outcome !== 'hangs') return outcome;
      await worker.terminate();
      worker = start();
      const input = Buffer.from(new Uint8Array(current, INPUT_OFFSET, counters[1]));
      const finding = { input, error: `did not end within ${HANG_MS / 1000} s` };
      return { runs: before, kept: 0, left: 0, finding };
    },
    close: async () => {
      await worker.terminate();
    },
  };
}
