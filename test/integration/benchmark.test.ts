import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Results } from '../../benchmarks/report/results.ts';

const root = join(import.meta.dirname, '../..');
const TINY = '--quick --scenario hot --rounds 1 --seconds 0.1 --warm-up 0.1 --scale 0.02'.split(' ');

let report: string;
beforeAll(async () => {
  report = await mkdtemp(join(tmpdir(), 'meridian-bench-report-'));
});
afterAll(() => rm(report, { recursive: true, force: true }));

function run(script: string, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  // No peers, which would be found on the PATH, and so none of the programs that a run of the tests may insist on.
  const env = { ...process.env, PATH: dirname(process.execPath), MERIDIAN_TEST_REQUIRE: '' };
  return promisify(execFile)(process.execPath, [join(root, script), ...args], { cwd: root, env });
}

it('the benchmark measures hot requests and writes what it found', { timeout: 120_000 }, async () => {
  const { stdout, stderr } = await run('benchmarks/bench.ts', [...TINY, '--report', report]);
  expect(stderr).toContain('Hot requests in one region: done in');
  expect(stdout).toContain('manifest GET by tag');

  const results = JSON.parse(await readFile(join(report, 'results.json'), 'utf8')) as Results;
  const cases = results.scenarios.flatMap((scenario) => scenario.cases);
  expect(cases.length).toBeGreaterThan(5);
  for (const { name, samples } of cases) {
    const [sample] = samples['meridian'] ?? [];
    expect(sample?.problems, name).toEqual({});
    expect(sample?.figures['throughput'], name).toBeGreaterThan(0);
    expect(sample?.latency, name).not.toEqual([]);
  }
  expect(await readFile(join(report, 'report.html'), 'utf8')).toContain('<polyline');
  const table = await run('benchmarks/table.ts', [join(report, 'results.json')]);
  expect(table.stdout).toContain('| small blob GET |');
});
