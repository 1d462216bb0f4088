import type { Api } from '../api/client.ts';
import { readHealing, type HealingReport } from '../api/healing.ts';
import { readStatus, type Scrub, type ScrubRound } from '../api/status.ts';
import { printJson, printTable, type Tools } from '../command.ts';
import { EXIT, Exit, type ExitCode } from '../exit.ts';
import { formatBytes, formatCount, formatTime } from '../output/format.ts';
import { printable } from '../output/width.ts';

interface RegionReports {
  readonly region: string;
  /** Why it could not be asked. */
  readonly unreachable?: string;
  readonly scrub: Scrub | null;
  readonly verify: HealingReport | null;
  readonly repair: HealingReport | null;
}

/** What regions find all the time, and what the last verification and repair of each has found. */
export async function showReports(api: Api, regions: readonly string[], tools: Tools): Promise<ExitCode> {
  const { signal } = tools;
  const status = await readStatus(api, signal);
  const reports = await Promise.all(
    regions.map(async (region): Promise<RegionReports> => {
      const told = status.regions.find((one) => one.region === region);
      if (told === undefined) throw new Exit(EXIT.notSo, `There is no region ${region} in this cluster.`);
      const { scrub = null, unreachable } = told;
      if (unreachable !== undefined) return { region, unreachable, scrub, verify: null, repair: null };
      const [verify, repair] = await Promise.all([
        readHealing(api, region, 'verify', signal),
        readHealing(api, region, 'repair', signal),
      ]);
      return { region, scrub, verify, repair };
    }),
  );
  const { out, json } = tools;
  if (json) await printJson(tools, reports);
  else {
    await printTable(tools, COLUMNS, reports.flatMap(rowsOf));
    for (const { region, unreachable } of reports) {
      if (unreachable !== undefined)
        await out.print(
          out.style('yellow', `${printable(region)} can't be asked: ${printable(unreachable)}`),
        );
    }
  }
  return reports.some(({ unreachable }) => unreachable !== undefined) ? EXIT.notSo : EXIT.done;
}

const NUMBERS = ['CHECKED', 'BYTES', 'DAMAGED', 'MISSING', 'REPAIRED', 'LOST', 'BYTES/S'];
const COLUMNS = [
  ...['REGION', 'WORK', 'BEGAN', 'ENDED'].map((header) => ({ header })),
  ...NUMBERS.map((header) => ({ header, align: 'right' as const })),
];

function rowsOf({ region, scrub, verify, repair }: RegionReports): string[][] {
  const rows: string[][] = [];
  const add = (work: string, cells: readonly string[]): void =>
    void rows.push([printable(region), work, ...cells]);
  if (scrub?.last) add('last round', roundCells(scrub.last, scrub));
  if (scrub?.current) add('this round', roundCells(scrub.current, scrub));
  if (scrub !== null && rows.length === 0) add('round', ['none', '–', ...NUMBERS.map(() => '–')]);
  for (const [work, told] of [
    ['verify', verify],
    ['repair', repair],
  ] as const) {
    if (told?.startedAt !== undefined) add(work, healingCells(told.startedAt, told));
  }
  return rows;
}

/** What is lost and the rate are as of now. */
function roundCells(
  { begunAt, endedAt, blobs, bytes, damaged, missing, repaired }: ScrubRound,
  { unrepairable, bytesPerSecond }: Scrub,
): string[] {
  return [
    formatTime(begunAt),
    endedAt === undefined ? 'goes on' : formatTime(endedAt),
    formatCount(blobs),
    formatBytes(bytes),
    ...[damaged, missing, repaired, unrepairable].map(formatCount),
    formatBytes(bytesPerSecond),
  ];
}

function healingCells(startedAt: string, told: HealingReport): string[] {
  const { finishedAt, running, checked, bytes, damaged, missing, repaired, lost } = told;
  const ended = finishedAt === undefined ? undefined : formatTime(finishedAt);
  return [
    formatTime(startedAt),
    ended ?? (running ? 'goes on' : 'interrupted'),
    formatCount(checked),
    formatBytes(bytes),
    ...[damaged, missing, repaired, lost].map(formatCount),
    '–',
  ];
}
