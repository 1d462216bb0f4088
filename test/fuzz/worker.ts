import { parentPort, workerData } from 'node:worker_threads';
import { openCoverage } from '#test/support/coverage.ts';
import { fuzz, type Outcome } from './loop.ts';
import { TARGETS } from './targets/all.ts';

/** What a thread is to do. */
export interface Assignment {
  readonly target: string;
  readonly seed: number;
  readonly milliseconds: number;
}

/** Before each try the thread writes here: a number that grows, the input's length, and its bytes. */
export const INPUT_OFFSET = 8;

async function work({ target: name, seed, milliseconds }: Assignment): Promise<Outcome> {
  const current = workerData as SharedArrayBuffer;
  const counters = new Int32Array(current, 0, 2);
  const bytes = new Uint8Array(current, INPUT_OFFSET);
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`There is no target ${name}.`);
  const coverage = openCoverage((url) => /\/(?:libs|services|node_modules\/jose)\//.test(url));
  const end = performance.now() + milliseconds;
  const outcome = await fuzz(target, {
    ...{ coverage, seed },
    goesOn: () => performance.now() < end,
    onTry: (input) => {
      bytes.set(input);
      counters[1] = input.length;
      Atomics.add(counters, 0, 1);
    },
  });
  coverage.close();
  return outcome;
}

parentPort?.on('message', (assignment: Assignment) => {
  work(assignment).then(
    (outcome) => parentPort?.postMessage(outcome),
    (error: unknown) => {
      throw error;
    },
  );
});
