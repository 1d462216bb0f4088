import { z } from 'zod';
import { pathOf, type Api } from '../api/client.ts';
import { requireNoMore } from '../arguments.ts';
import { prepare, printJson, printTable, type Command, type Tools } from '../command.ts';
import { chosenRegions, onlyRegion, REGION_HELP, REGION_OPTIONS } from '../chosen-regions.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { follow, sumOf } from '../long-work.ts';
import { countOf, formatBytes, formatCount } from '../output/format.ts';
import { printable } from '../output/width.ts';
import { explainBlobs } from './collect-explained.ts';

const help = `Usage: meridian collect --region REGION…|--all [--agreed]
       meridian collect --region REGION --dry-run [DIGEST…]

Removes from a region what no manifest names and nothing has pinned for a while. Regions do so by themselves now and
then; this does it now, and waits for the end. What is newly found unused is condemned, and goes after a grace time.

${REGION_HELP}
  --dry-run        removes nothing: says of each blob (or of those named) why it is kept, or when it goes
  --agreed         goes by a catalog that was restored from a backup or exchanged, after you have seen what is missing`;

const report = z.looseObject({
  region: z.string(),
  running: z.boolean(),
  failure: z.string().optional(),
  looked: z.number(),
  named: z.number(),
  pinned: z.number(),
  unused: z.number(),
  condemned: z.number(),
  removedBlobs: z.number(),
  removedBytes: z.number(),
});

type Report = z.infer<typeof report>;

export const collect: Command = {
  name: 'collect',
  summary: 'remove what nothing needs any more, or say why each blob is kept',
  help,
  run: async (args, tools) => {
    const options = {
      ...REGION_OPTIONS,
      'dry-run': { type: 'boolean' },
      agreed: { type: 'boolean' },
    } as const;
    const { values, positionals, api } = prepare(args, options, tools);
    if (values['dry-run'] === true) return explainBlobs(api, onlyRegion(values), positionals, tools);
    requireNoMore(positionals, 0);
    const regions = await chosenRegions(values, api, tools.signal);
    return collectIn(api, regions, values.agreed === true, tools);
  },
};

async function collectIn(
  api: Api,
  regions: readonly string[],
  agreed: boolean,
  tools: Tools,
): Promise<ExitCode> {
  const each = async (method: 'GET' | 'POST', signal: AbortSignal, body?: unknown): Promise<Report[]> =>
    Promise.all(
      regions.map((region) =>
        api.request(report, method, pathOf('regions', region, 'collection'), { body, signal }),
      ),
    );
  const reports = await follow(
    {
      label: regions.join(', '),
      noun: 'blob',
      start: (signal) => each('POST', signal, { agreed }),
      read: (signal) => each('GET', signal),
      isRunning: (found) => found.some(({ running }) => running),
      progress: (found) => sumOf(found.map(({ looked }) => ({ done: looked }))),
      goesOn: `The collection in ${regions.join(', ')} goes on; the same command again joins it.`,
    },
    tools,
  );
  await show(reports, tools);
  return reports.some(({ failure }) => failure !== undefined) ? EXIT.notSo : EXIT.done;
}

async function show(reports: readonly Report[], tools: Tools): Promise<void> {
  const { out, json } = tools;
  if (json) return printJson(tools, reports);
  const numbers = ['BLOBS', 'NAMED', 'PINNED', 'CONDEMNED', 'REMOVED', 'FREED'];
  const columns = [{ header: 'REGION' }, ...numbers.map((header) => ({ header, align: 'right' as const }))];
  const rows = reports.map(({ region, looked, named, pinned, condemned, removedBlobs, removedBytes }) => [
    printable(region),
    ...[looked, named, pinned, condemned, removedBlobs].map(formatCount),
    formatBytes(removedBytes),
  ]);
  await printTable(tools, columns, rows);
  for (const { region, failure } of reports) {
    if (failure !== undefined) {
      await out.print(out.style('red', `${printable(region)}: it ended early. ${printable(failure)}`));
    }
  }
  const waiting = reports.reduce((sum, { condemned }) => sum + condemned, 0);
  if (waiting > 0)
    await out.print(
      `${countOf(waiting, 'blob')} newly condemned: gone after the grace time, if still unused.`,
    );
}
