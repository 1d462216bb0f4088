import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArguments, usage } from './cli/arguments.ts';
import { showProgress } from './cli/progress.ts';
import { htmlReport } from './report/html.ts';
import type { Results } from './report/results.ts';
import { textReport } from './report/text.ts';
import { runScenarios } from './run.ts';
import { scenarios } from './scenarios/all.ts';

/** `npm run bench`: measures, and writes what was found as JSON and as a page to look at. */
async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2), scenarios);
  if (options.help) {
    process.stdout.write(usage(scenarios));
    return;
  }
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort(new Error('it was interrupted')));
  process.once('SIGTERM', () => stopping.abort(new Error('it was told to end')));
  await mkdir(options.report, { recursive: true });
  const file = (name: string): string => join(options.report, name);
  let text = '';
  // After each scenario, so that a run that is ended early has not been in vain.
  const keep = async (results: Results): Promise<void> => {
    await writeFile(file('results.json'), JSON.stringify(results));
    await writeFile(file('report.html'), htmlReport(results));
    text = textReport(results);
  };
  try {
    await runScenarios(
      options,
      scenarios.filter(({ name }) => options.scenarios.includes(name)),
      showProgress(process.stderr, () => performance.now()),
      stopping.signal,
      keep,
    );
  } finally {
    if (text !== '')
      process.stdout.write(`${text}\nWritten: ${file('results.json')}\n         ${file('report.html')}\n`);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`The benchmark ended: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
