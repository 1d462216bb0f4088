/** A parser, and what must hold for whatever it is given. */
export interface Target {
  readonly name: string;
  /** What it is for: the first inputs. */
  readonly seeds: readonly string[];
  /** Pieces that matter to its grammar: from coverage alone nobody guesses a word. */
  readonly tokens: readonly string[];
  /** Longest input; short ones are tried faster and say as much. */
  readonly maxBytes?: number;
  /** Most steps (blocks of code entered) for so many bytes, where they are not a few hundred for each. */
  readonly maxSteps?: (bytes: number) => number;
  /** Throws where something does not hold. What the parser refuses is no failure. */
  check(input: Buffer): void | Promise<void>;
}

export const DEFAULT_MAX_BYTES = 512;

export function maxBytesOf({ maxBytes = DEFAULT_MAX_BYTES }: Target): number {
  return maxBytes;
}

export function maxStepsOf({ maxSteps }: Target, bytes: number): number {
  return maxSteps?.(bytes) ?? 4_000 + 400 * bytes;
}
