import { z } from 'zod';
import { pathOf, type Api } from '../api/client.ts';
import { requireNoMore } from '../arguments.ts';
import { chosenRegions, REGION_HELP, REGION_OPTIONS } from '../chosen-regions.ts';
import { prepare, printJson, printTable, type Command, type Tools } from '../command.ts';
import { EXIT } from '../exit.ts';
import { follow, sumOf } from '../long-work.ts';
import { formatBytes, formatCount } from '../output/format.ts';
import { printable } from '../output/width.ts';

const report = z.looseObject({
  region: z.string(),
  running: z.boolean(),
  failure: z.string().optional(),
  total: z.number(),
  checked: z.number(),
  bytes: z.number(),
  damaged: z.number(),
  missing: z.number(),
  repaired: z.number(),
  lost: z.number(),
  digests: z.object({
    damaged: z.array(z.string()),
    missing: z.array(z.string()),
    lost: z.array(z.string()),
  }),
});

type Report = z.infer<typeof report>;

export const verify = healing(
  'verify',
  'read again everything that regions hold, and repair what is damaged',
  `Reads again what a region holds and compares it with its digests. What is damaged or missing is fetched from another
region. Regions do so all the time, slowly; this does it now. Exit code 1: damage was found, or something is lost.`,
  ({ damaged, lost }) => damaged > 0 || lost > 0,
);

export const repair = healing(
  'repair',
  'compare regions with the catalog, and fetch what they miss',
  `Compares what a region holds with the catalog, and fetches what is missing from another region, without reading again
what is there: "meridian verify" does. Exit code 1: something is to be had from no region.`,
  ({ lost }) => lost > 0,
);

function healing(
  work: 'verify' | 'repair',
  summary: string,
  text: string,
  isBad: (found: Report) => boolean,
): Command {
  const help = `Usage: meridian ${work} --region REGION…|--all [REPOSITORY]

${text} With a repository, only of what it names or was uploaded to it.

${REGION_HELP}`;
  return {
    name: work,
    summary,
    help,
    run: async (args, tools) => {
      const { values, positionals, api } = prepare(args, REGION_OPTIONS, tools);
      requireNoMore(positionals, 1);
      const [repository] = positionals;
      const regions = await chosenRegions(values, api, tools.signal);
      const reports = await heal(work, api, regions, repository, tools);
      await show(reports, tools);
      return reports.some((found) => found.failure !== undefined || isBad(found)) ? EXIT.notSo : EXIT.done;
    },
  };
}

async function heal(
  work: 'verify' | 'repair',
  api: Api,
  regions: readonly string[],
  repository: string | undefined,
  tools: Tools,
): Promise<Report[]> {
  const each = async (method: 'GET' | 'POST', signal: AbortSignal, body?: unknown): Promise<Report[]> =>
    Promise.all(
      regions.map((region) => api.request(report, method, pathOf('regions', region, work), { body, signal })),
    );
  const names = regions.join(', ');
  return follow(
    {
      label: names,
      noun: 'blob',
      start: (signal) => each('POST', signal, { repository }),
      read: (signal) => each('GET', signal),
      isRunning: (found) => found.some(({ running }) => running),
      progress: (found) =>
        sumOf(
          found.map(({ checked, total, bytes }) => ({
            done: checked,
            total: Math.max(total, checked),
            bytes,
          })),
        ),
      goesOn: `It goes on in ${names}; the same command again joins it.`,
    },
    tools,
  );
}

async function show(reports: readonly Report[], tools: Tools): Promise<void> {
  const { out, json } = tools;
  if (json) return printJson(tools, reports);
  const numbers = ['CHECKED', 'BYTES', 'DAMAGED', 'MISSING', 'REPAIRED', 'LOST'];
  const columns = [{ header: 'REGION' }, ...numbers.map((header) => ({ header, align: 'right' as const }))];
  const rows = reports.map(({ region, checked, bytes, damaged, missing, repaired, lost }) => [
    printable(region),
    formatCount(checked),
    formatBytes(bytes),
    ...[damaged, missing, repaired, lost].map(formatCount),
  ]);
  await printTable(tools, columns, rows);
  for (const { region, failure, digests } of reports) {
    for (const what of ['damaged', 'missing', 'lost'] as const) {
      for (const digest of digests[what])
        await out.print(`${printable(region)}: ${what} ${printable(digest)}`);
    }
    if (failure !== undefined)
      await out.print(out.style('red', `${printable(region)}: ${printable(failure)}`));
  }
}
