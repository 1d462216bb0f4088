import { parseArgs } from 'node:util';
import { keepCase } from './cases.ts';
import { TARGETS } from './targets/all.ts';
import { startThread } from './thread.ts';

const HELP = `Usage: npm run fuzz -- [--seconds N | --minutes N] [--target NAME]... [--seed N] [--no-keep]

Feeds the parsers of what comes from outside with inputs that V8's coverage leads into code not reached before. The time is for
all targets together (20 s). What fails is kept in test/fuzz/cases and tried in each npm test from then on.

Targets: ${TARGETS.map(({ name }) => name).join(', ')}`;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    minutes: { type: 'string' },
    target: { type: 'string', multiple: true },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    keep: { type: 'boolean', default: true },
    help: { type: 'boolean', short: 'h' },
  },
  allowNegative: true,
});

if (values.help === true) console.log(HELP);
else await fuzzAll();

async function fuzzAll(): Promise<void> {
  const targets = TARGETS.filter(({ name }) => values.target?.includes(name) ?? true);
  const unknown = values.target?.find((name) => !TARGETS.some((target) => target.name === name));
  const seconds = values.minutes === undefined ? Number(values.seconds) : 60 * Number(values.minutes);
  if (unknown !== undefined || !(seconds > 0) || !Number.isSafeInteger(Number(values.seed))) {
    console.error(unknown === undefined ? HELP : `There is no target ${unknown}.\n\n${HELP}`);
    process.exitCode = 2;
    return;
  }
  console.log(`seed ${values.seed}`);
  const thread = startThread();
  for (const { name: target } of targets) {
    const assignment = { target, seed: Number(values.seed), milliseconds: (seconds * 1000) / targets.length };
    const { runs, kept, left, finding } = await thread.run(assignment);
    const told = `${runs} inputs, ${kept} of them led to new code, ${left} places not reached`;
    console.log(`${finding === undefined ? 'ok  ' : 'FAIL'} ${target}: ${told}`);
    if (finding === undefined) continue;
    process.exitCode = 1;
    const where = values.keep ? `\nkept as ${await keepCase(target, finding.input)}` : '';
    console.log(`${JSON.stringify(Buffer.from(finding.input).toString('latin1'))}\n${finding.error}${where}`);
  }
  await thread.close();
}
