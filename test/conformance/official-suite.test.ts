import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGIONS } from '#test/support/cluster.ts';
import { registry } from '#test/support/routes.ts';
import { performRun, planRuns } from './official/runs.ts';
import { isClean, readTotals } from './official/totals.ts';

const binary = process.env['OCI_CONFORMANCE_BIN'] ?? '';
const leftOut = binary === '' ? ' (left out: OCI_CONFORMANCE_BIN names no build of it)' : '';
if (binary === '' && (process.env['MERIDIAN_TEST_REQUIRE'] ?? '').split(',').includes('conformance')) {
  throw new Error(
    'MERIDIAN_TEST_REQUIRE names conformance, but OCI_CONFORMANCE_BIN names no build of the suite.',
  );
}

describe.skipIf(binary === '')(`the official conformance suite${leftOut}`, () => {
  let resultsDir: string;
  beforeAll(async () => {
    resultsDir = await mkdtemp(join(tmpdir(), 'meridian-conformance-'));
  });
  afterAll(() => rm(resultsDir, { recursive: true, force: true }));

  const targets = REGIONS.map((name) => ({ name, registry: registry(name) }));
  it.each(planRuns(targets))('passes whole, none of it skipped: $name', { timeout: 300_000 }, async (run) => {
    const totals = await performRun(run, { binary, resultsDir }, new AbortController().signal);
    expect(totals).toMatchObject({ fail: 0, error: 0, skip: 0, others: [] });
    expect(totals.pass).toBeGreaterThan(500);
  });
});

describe('the totals of the official suite', () => {
  const report = (counts: string, cases = ''): string =>
    `<testsuites time="1"><testsuite name="x" ${counts} time="1">${cases}</testsuite></testsuites>`;

  it('are clean where all passed', () => {
    const totals = readTotals(
      report('tests="7" failures="0" errors="0" skipped="0"', '<testcase name="a" status="passed">'),
    );
    expect(totals).toEqual({ pass: 7, fail: 0, error: 0, skip: 0, others: [] });
    expect(isClean(totals)).toBe(true);
  });
  it.each([
    ['a failure', report('tests="7" failures="1"')],
    ['an error', report('tests="7" failures="0" errors="1"')],
    ['a skip', report('tests="7" failures="0" errors="0" skipped="1"')],
    ['a switch that is off', report('tests="7" failures="0" disabled="1"')],
    ['a case that did not pass', report('tests="7"', '<testcase name="a" status="skipped">')],
    ['nothing run', report('tests="0" failures="0" errors="0" skipped="0"')],
    ['no report', ''],
    ['a report of another shape', '{"tests": 7}'],
  ])('are not clean with %s', (_what, junit) => {
    expect(isClean(readTotals(junit))).toBe(false);
  });
});
