/** How much two sets of measurements differ, by their ranks: no outlier counts for more than its place. */
export interface RankTest {
  /** Standard deviations between what came and what comes where both are alike; beyond 4 either way it is no chance. */
  readonly z: number;
  /** How often one of the first is the greater, in a pair of each: a half where they are alike. */
  readonly greater: number;
}

/** Mann and Whitney's test, for dozens of measurements or more; those that are equal share their ranks. */
export function rankTest(first: readonly number[], second: readonly number[]): RankTest {
  const all = [
    ...first.map((value) => ({ value, mine: true })),
    ...second.map((value) => ({ value, mine: false })),
  ];
  all.sort((a, b) => a.value - b.value);
  let ranks = 0;
  let ties = 0;
  for (let start = 0; start < all.length;) {
    let end = start;
    while (end < all.length && all[end]?.value === all[start]?.value) end++;
    const size = end - start;
    const rank = (start + 1 + end) / 2;
    ranks += rank * all.slice(start, end).filter(({ mine }) => mine).length;
    ties += size ** 3 - size;
    start = end;
  }
  const [n, m] = [first.length, second.length];
  const u = ranks - (n * (n + 1)) / 2;
  const deviation = Math.sqrt(((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1))));
  return { z: deviation === 0 ? 0 : (u - (n * m) / 2) / deviation, greater: u / (n * m) };
}
