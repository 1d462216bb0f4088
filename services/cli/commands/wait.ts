import type { Api } from '../api/client.ts';
import { askDurability, type Durability, type DurabilityQuestion } from '../api/durability.ts';
import { Refusal } from '../api/refusal.ts';
import { requireNoMore } from '../arguments.ts';
import { prepare, printJson, printTable, type Command, type Tools } from '../command.ts';
import { durationOption } from '../duration.ts';
import { EXIT, Exit, wrongUsage } from '../exit.ts';
import { countOf, formatBytes, formatCount } from '../output/format.ts';
import { startProgress, type Progress } from '../output/progress.ts';
import { printable } from '../output/width.ts';

const help = `Usage: meridian wait REPOSITORY:TAG [--region REGION]… [--timeout 30s]
       meridian wait REPOSITORY@DIGEST [--region REGION]… [--timeout 30s]

Waits until all that a tag or digest stands for is on the disks of the regions or, if none is named, of as many as the
repository's durability asks for. A tag that is not there yet is waited for too. Exit code 1: not so in time.

  --region REGION  where; may be given several times
  --timeout TIME   how long at most, such as 500ms, 30s (the default) or 1h; 0s asks once

  meridian wait team/app:1.0 --region eu --timeout 5m && deploy`;

const DEFAULT_TIMEOUT = '30s';
const RETRY_MS = 250;

export const wait: Command = {
  name: 'wait',
  summary: 'wait until an image is whole in a region',
  help,
  run: async (args, tools) => {
    const options = { region: { type: 'string', multiple: true }, timeout: { type: 'string' } } as const;
    const { values, positionals, api } = prepare(args, options, tools);
    const [name, ...more] = positionals;
    requireNoMore(more, 0);
    const question = {
      ...parseName(name),
      regions: values.region ?? [],
      untilMs: tools.now() + durationOption('--timeout', values.timeout ?? DEFAULT_TIMEOUT),
    };
    const found = await untilDurable(api, question, tools);
    await show(found, tools);
    return found.durable ? EXIT.done : EXIT.notSo;
  },
};

/** What was so at last. Throws the registry's refusal if it never said. */
async function untilDurable(api: Api, question: DurabilityQuestion, tools: Tools): Promise<Durability> {
  const { err, now, signal, sleep } = tools;
  const { repository, reference, untilMs } = question;
  const bar = startProgress(err, `${repository} ${reference}`, 'region', now);
  try {
    for (;;) {
      const found = await askDurability(api, question, tools);
      const isOver = now() >= untilMs;
      if (!(found instanceof Refusal)) {
        if (found.durable || isOver) return found;
        bar.update(progressOf(found));
      } else if (isOver) throw found;
      await sleep(Math.min(RETRY_MS, Math.max(0, untilMs - now())), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new Exit(EXIT.interrupted, 'No longer waiting; regions go on copying.', { cause: error });
  } finally {
    bar.end();
  }
}

function parseName(name: string | undefined): { repository: string; reference: string } {
  const [, repository, digest, tag] = /^([^@]+?)(?:@(.+)|:([^:/]+))$/.exec(name ?? '') ?? [];
  const reference = digest ?? tag;
  if (repository !== undefined && reference !== undefined) return { repository, reference };
  const came = name === undefined ? '' : ` "${name}" is neither.`;
  throw wrongUsage(`What is to be waited for? Expected REPOSITORY:TAG or REPOSITORY@DIGEST.${came}`);
}

function progressOf({ regions }: Durability): Progress {
  const bytes = regions.reduce((sum, { missingBytes }) => sum + (missingBytes ?? 0), 0);
  return {
    done: regions.filter(({ durable }) => durable).length,
    total: regions.length,
    note: bytes === 0 ? undefined : `${formatBytes(bytes)} to come`,
  };
}

async function show(found: Durability, tools: Tools): Promise<void> {
  if (tools.json) return printJson(tools, found);
  await tools.out.print(printable(found.digest));
  const columns = [
    { header: 'REGION' },
    { header: 'DURABLE' },
    { header: 'MISSING', align: 'right' as const },
    { header: 'BYTES', align: 'right' as const },
    { header: 'WHY' },
  ];
  const rows = found.regions.map(({ region, durable, missingBlobs, missingBytes, why = '' }) => [
    printable(region),
    durable ? 'yes' : 'no',
    missingBlobs === null ? '?' : formatCount(missingBlobs),
    missingBytes === null ? '?' : formatBytes(missingBytes),
    printable(why),
  ]);
  await printTable(tools, columns, rows);
  const held = found.regions.filter(({ durable }) => durable).length;
  if (!found.durable) {
    const { err } = tools;
    await err.print(
      `${err.style('red', 'meridian:')} It is whole in ${countOf(held, 'region')}, and was not in enough in time.`,
    );
  }
}
