/** What a run of the suite counted, in its own words: its groups of tests count as well as the tests in them. */
export interface Totals {
  readonly pass: number;
  readonly fail: number;
  readonly error: number;
  /** With those that were switched off. */
  readonly skip: number;
  /** The tests that did not pass, with what became of them. */
  readonly others: readonly string[];
}

/** Reads the suite's `junit.xml`. A report that is missing or of another shape gives zeros: the suite ran nothing. */
export function readTotals(junit: string): Totals {
  const suite = /<testsuite\s([^>]*)>/.exec(junit)?.[1] ?? '';
  const count = (name: string): number => Number(attribute(suite, name) ?? 0);
  const [fail, error] = [count('failures'), count('errors')];
  const skip = count('skipped') + count('disabled');
  const others: string[] = [];
  for (const [, test = ''] of junit.matchAll(/<testcase\s([^>]*)>/g)) {
    const status = attribute(test, 'status') ?? 'unknown';
    if (status !== 'passed') others.push(`${status}: ${attribute(test, 'name') ?? 'unnamed'}`);
  }
  return { pass: count('tests') - fail - error - skip, fail, error, skip, others };
}

/** Whether the suite ran, and everything passed. */
export function isClean({ pass, fail, error, skip, others }: Totals): boolean {
  return pass > 0 && fail + error + skip + others.length === 0;
}

function attribute(attributes: string, name: string): string | undefined {
  return new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1];
}
