import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/**
 * Says at the end of a run which tests were left out, with the reason that they or their suite give, which files failed,
 * and in the last line, for machines as for people: `<n> passed, <n> failed, <n> skipped`. What failed outside of any
 * test counts too.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    const skipped = tests.filter((test) => test.result().state === 'skipped');
    const failedModules = modules.filter((module) => module.state() === 'failed' && !hasFailedTest(module));
    const failed = count('failed') + count('pending') + failedModules.length + errors.length;
    const lines = [
      ...leftOut(skipped),
      ...modules
        .filter((module) => module.state() === 'failed')
        .map((module) => `Failed: ${module.relativeModuleId}`),
      `${count('passed')} passed, ${failed} failed, ${skipped.length} skipped`,
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests('failed')].length > 0;
}

/** A line for each suite that has tests which did not run. */
function leftOut(skipped: readonly TestCase[]): string[] {
  if (skipped.length === 0) return [];
  const groups = Map.groupBy(skipped, groupOf);
  const lines = [...groups].map(
    ([group, { length }]) => `  ${group}: ${length} test${length === 1 ? '' : 's'}`,
  );
  return ['Left out:', ...lines, ''];
}

function groupOf(test: TestCase): string {
  const suite = test.parent.type === 'suite' ? test.parent.fullName : test.fullName;
  const result = test.result();
  const note = result.state === 'skipped' && result.note !== undefined ? ` (${result.note})` : '';
  return `${test.module.relativeModuleId}: ${suite}${note}`;
}
