/** The middle of some measurements and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Of at least one value; values that are NaN are left out. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const below = sorted[Math.floor(middle)] ?? NaN;
  const above = sorted[Math.ceil(middle)] ?? NaN;
  return { median: (below + above) / 2, low: sorted[0] ?? NaN, high: sorted.at(-1) ?? NaN };
}

/**
 * Of what was measured in the same rounds of two servers: the ratio is taken within each round, since what else the machine did in one
 * round met both.
 */
export function ratioOf(values: readonly number[], against: readonly number[]): Spread {
  const rounds = Math.min(values.length, against.length);
  return spreadOf(Array.from({ length: rounds }, (_, i) => (values[i] ?? NaN) / (against[i] ?? NaN)));
}
