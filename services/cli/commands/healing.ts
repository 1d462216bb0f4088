import { pathOf, type Api } from '../api/client.ts';
import { healingReport, readHealing, type HealingReport, type HealingWork } from '../api/healing.ts';
import { requireNoMore } from '../arguments.ts';
import { chosenRegions, REGION_HELP, REGION_OPTIONS } from '../chosen-regions.ts';
import { prepare, printJson, printTable, type Command, type Tools } from '../command.ts';
import { EXIT } from '../exit.ts';
import { follow, sumOf } from '../long-work.ts';
import { formatBytes, formatCount } from '../output/format.ts';
import { printable } from '../output/width.ts';
import { showReports } from './healing-report.ts';

const OPTIONS = { ...REGION_OPTIONS, report: { type: 'boolean' } } as const;

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
  work: HealingWork,
  summary: string,
  text: string,
  isBad: (found: HealingReport) => boolean,
): Command {
  const help = `Usage: meridian ${work} --region REGION…|--all [REPOSITORY]
       meridian ${work} --region REGION…|--all --report

${text} With a repository, only of what it names or was uploaded to it.

${REGION_HELP}
  --report         begins nothing: what was found all the time, and by the last verification and repair; exit code 1
                   where a region can not be asked`;
  return {
    name: work,
    summary,
    help,
    run: async (args, tools) => {
      const { values, positionals, api } = prepare(args, OPTIONS, tools);
      requireNoMore(positionals, values.report === true ? 0 : 1);
      const [repository] = positionals;
      const regions = await chosenRegions(values, api, tools.signal);
      if (values.report === true) return showReports(api, regions, tools);
      const reports = await heal(work, api, regions, repository, tools);
      await show(reports, tools);
      return reports.some((found) => found.failure !== undefined || isBad(found)) ? EXIT.notSo : EXIT.done;
    },
  };
}

async function heal(
  work: HealingWork,
  api: Api,
  regions: readonly string[],
  repository: string | undefined,
  tools: Tools,
): Promise<HealingReport[]> {
  const start = async (signal: AbortSignal): Promise<HealingReport[]> =>
    Promise.all(
      regions.map((region) =>
        api.request(healingReport, 'POST', pathOf('regions', region, work), { body: { repository }, signal }),
      ),
    );
  const read = async (signal: AbortSignal): Promise<HealingReport[]> =>
    Promise.all(regions.map((region) => readHealing(api, region, work, signal)));
  const names = regions.join(', ');
  return follow(
    {
      label: names,
      noun: 'blob',
      start,
      read,
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

async function show(reports: readonly HealingReport[], tools: Tools): Promise<void> {
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
