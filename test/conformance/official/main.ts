import { access, constants, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { REGIONS, startCluster } from '#test/support/cluster.ts';
import { performRun, planRuns, type Target } from './runs.ts';
import { HOW_TO_BUILD } from './suite.ts';
import { formatTable } from './table.ts';
import { isClean, type Totals } from './totals.ts';

const USAGE = `npm run conformance -- [--bin FILE] [--registry [NAME=]HOST:PORT …] [--results DIR]

Runs the official conformance suite of the OCI distribution spec, every switch on, against each region of a cluster, and then with
writes in each region and reads answered by the next. Without --registry it brings up a cluster of its own. Ends with 0 only
if the suite ran each time and counted no FAIL, no Error and no Skip.

${HOW_TO_BUILD}`;

process.exitCode = await main().catch((error: unknown) =>
  say(1, `The suite could not be run: ${error instanceof Error ? error.message : String(error)}`),
);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      bin: { type: 'string', default: process.env['OCI_CONFORMANCE_BIN'] ?? '' },
      registry: { type: 'string', multiple: true, default: [] },
      results: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(0, USAGE);
  const binary = resolve(values.bin);
  const found = values.bin !== '' && (await isExecutable(binary));
  if (!found)
    return say(
      1,
      `There is no conformance suite${values.bin === '' ? '' : ` at ${binary}`}. ${HOW_TO_BUILD}`,
    );
  const resultsDir = values.results ?? (await mkdtemp(join(tmpdir(), 'meridian-conformance-')));

  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new Error('interrupted')));
  const cluster = values.registry.length > 0 ? undefined : await startCluster();
  const ofCluster = REGIONS.map((name) => ({ name, registry: cluster?.registry(name) ?? '' }));
  const targets = cluster === undefined ? values.registry.map(readTarget) : ofCluster;
  const results: [string, Totals][] = [];
  try {
    for (const run of planRuns(targets)) {
      const totals = await performRun(run, { binary, resultsDir: resolve(resultsDir) }, interrupt.signal);
      results.push([run.name, totals]);
    }
  } finally {
    await cluster?.dispose();
  }
  const clean = results.length > 0 && results.every(([, totals]) => isClean(totals));
  return say(clean ? 0 : 1, `${formatTable(results)}\n\nThe suite's reports are in ${resultsDir}`);
}

/** `eu=host:port`, or `host:port` alone. */
function readTarget(text: string): Target {
  const [name = '', registry = name] = text.split('=', 2);
  return { name, registry };
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function say(code: number, text: string): number {
  (code === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  return code;
}
