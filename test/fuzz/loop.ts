import { choiceOf, type Choice } from '#test/support/choice.ts';
import type { Coverage } from '#test/support/coverage.ts';
import { mutated } from './mutate.ts';
import { maxBytesOf, maxStepsOf, type Target } from './target.ts';

/** An input for which something does not hold. */
export interface Finding {
  readonly input: Uint8Array;
  readonly error: string;
}

export interface Outcome {
  readonly runs: number;
  /** Inputs that reached code that none before them had. */
  readonly kept: number;
  /** Pieces of code that no input reached. */
  readonly left: number;
  readonly finding: Finding | undefined;
}

export interface LoopOptions {
  readonly coverage: Coverage;
  readonly seed: number;
  /** Whether to go on. */
  readonly goesOn: () => boolean;
  /** Told of each input before it is tried. */
  readonly onTry?: (input: Buffer) => void;
}

/** Inputs that are tried between two looks at the coverage, which take longer than an input does. */
const BATCH = 64;
/** Most inputs kept. */
const MAX_CORPUS = 4_000;

/** Tries inputs until one fails or the time is over. What reaches new code is kept, and the next inputs are made from it. */
export async function fuzz(target: Target, options: LoopOptions): Promise<Outcome> {
  const { coverage, goesOn, onTry = () => undefined } = options;
  const choice = choiceOf(options.seed);
  const corpus: Buffer[] = [];
  let runs = 0;
  let finding: Finding | undefined;
  const attempt = async (input: Buffer): Promise<boolean> => {
    runs += 1;
    onTry(input);
    const error = await failureOf(target, input);
    if (error !== undefined) finding = { input: await shrunk(target, input), error };
    return error === undefined;
  };
  /** By itself, so that what is new, and the steps, are this input's own. */
  const look = async (input: Buffer): Promise<boolean> => {
    coverage.take();
    if (!(await attempt(input))) return false;
    const { isNew, steps } = coverage.take();
    if (steps > maxStepsOf(target, input.length)) {
      finding = { input, error: `took ${steps} steps for ${input.length} bytes` };
      return false;
    }
    if (isNew && corpus.length < MAX_CORPUS) corpus.push(input);
    return true;
  };
  for (const seed of ['', ...target.seeds]) {
    const input = Buffer.from(seed);
    if (!(await look(input))) break;
    corpus.push(input);
  }
  const next = (): Buffer => {
    const material = { tokens: target.tokens, corpus, maxBytes: maxBytesOf(target) };
    return mutated(recent(corpus, choice), choice, material);
  };
  while (finding === undefined && goesOn()) {
    const batch = Array.from({ length: BATCH }, next);
    coverage.take();
    if (!(await everyOne(batch, attempt))) break;
    const { isNew } = coverage.take('peek');
    await everyOne(isNew ? batch : [choice.pick(batch)], look);
  }
  return { runs, kept: corpus.length, left: coverage.left(), finding };
}

async function everyOne(
  inputs: readonly Buffer[],
  holds: (input: Buffer) => Promise<boolean>,
): Promise<boolean> {
  for (const input of inputs) if (!(await holds(input))) return false;
  return true;
}

/** Half of the time one of the last that were kept: what is new leads on. */
function recent(corpus: readonly Buffer[], choice: Choice): Buffer {
  return choice.pick(choice.chance(0.5) ? corpus.slice(-8) : corpus);
}

/** What does not hold, in words; undefined where all does. */
export async function failureOf(target: Target, input: Buffer): Promise<string | undefined> {
  try {
    await target.check(input);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

/** A shorter input that fails too, if leaving pieces out gives one. */
async function shrunk(target: Target, input: Buffer): Promise<Buffer> {
  let smallest = input;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.length;) {
      const shorter = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if ((await failureOf(target, shorter)) === undefined) at += size;
      else smallest = shorter;
    }
  }
  return smallest;
}
