import { seededRandom } from '#test/support/seeded-random.ts';

/** Choices that are the same for the same seed. */
export interface Choice {
  /** A whole number from 0 to `limit - 1`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(of: readonly T[]): T;
  /** Some of what `make` gives, at most `max`. */
  some<T>(max: number, make: () => T): T[];
}

export function choiceOf(seed: number): Choice {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  return {
    below,
    chance: (probability) => random() < probability,
    pick: (of) => {
      const picked = of[below(of.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    some: (max, make) => Array.from({ length: below(max + 1) }, make),
  };
}
