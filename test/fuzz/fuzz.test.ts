import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readCases } from './cases.ts';
import { openCoverage } from '#test/support/coverage.ts';
import { failureOf, fuzz } from './loop.ts';
import type { Target } from './target.ts';
import { TARGETS } from './targets/all.ts';

/** For all targets together. */
const SECONDS = 20;

describe('what once showed a fault does so no more:', async () => {
  const cases = await readCases();
  it.each(cases.map((one) => [`${one.target}/${one.file}`, one] as const))('%s', async (_name, one) => {
    const target = TARGETS.find(({ name }) => name === one.target);
    if (target === undefined) expect.unreachable(`there is no target ${one.target}`);
    else expect(await failureOf(target, one.input)).toBeUndefined();
  });
});

it('parsers keep their word for inputs that coverage leads to', async () => {
  const main = join(import.meta.dirname, 'main.ts');
  const args = [main, '--seconds', String(SECONDS), '--no-keep'];
  const run = promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
  const { stdout } = await run.catch((error: unknown) => {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  });
  for (const { name } of TARGETS) expect(stdout).toMatch(new RegExp(`^ok +${name}: \\d+ inputs`, 'm'));
}, 300_000);

describe('the fuzzer', () => {
  const planted = (check: Target['check']): Target => ({ name: 'planted', seeds: ['x'], tokens: [], check });
  /** Nobody guesses four bytes at once; one after the other is easy for who sees that the first one led on. */
  const guarded = planted((input) => {
    if (input[0] !== 0x4f) return;
    if (input[1] !== 0x43) return;
    if (input[2] !== 0x49) return;
    if (input[3] === 0x21) throw new Error('found');
  });

  it('is led by coverage to a fault behind four conditions, and makes what it found small', async () => {
    const coverage = openCoverage((url) => url.includes('/test/fuzz/fuzz.test.ts'));
    let left = 3_000_000;
    const { finding } = await fuzz(guarded, { coverage, seed: 1, goesOn: () => (left -= 64) > 0 });
    coverage.close();
    expect(Buffer.from(finding?.input ?? []).toString()).toBe('OCI!');
  }, 120_000);

  it('finds no such fault without it', async () => {
    const blind = {
      take: () => ({ isNew: false, steps: 0, calls: 0 }),
      left: () => 0,
      close: () => undefined,
    };
    let left = 300_000;
    const { finding, runs } = await fuzz(guarded, {
      coverage: blind,
      seed: 1,
      goesOn: () => (left -= 64) > 0,
    });
    expect([finding, runs > 300_000]).toEqual([undefined, true]);
  }, 120_000);

  it('takes too many steps for a fault', async () => {
    const coverage = openCoverage((url) => url.includes('/test/fuzz/fuzz.test.ts'));
    const slow = planted((input) => {
      let sum = 0;
      for (const a of input) for (const b of input) for (const c of input) if (a + b !== c) sum += 1;
      if (sum < 0) throw new Error('never');
    });
    let left = 100_000;
    const { finding } = await fuzz(slow, { coverage, seed: 1, goesOn: () => (left -= 64) > 0 });
    coverage.close();
    expect(finding?.error).toMatch(/^took \d+ steps for \d+ bytes$/);
  }, 120_000);
});
