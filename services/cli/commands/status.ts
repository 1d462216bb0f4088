import { readStatus, type RegionStatus, type Status } from '../api/status.ts';
import { requireNoMore } from '../arguments.ts';
import { prepare, printJson, printTable, type Command, type Tools } from '../command.ts';
import { EXIT, Exit, type ExitCode } from '../exit.ts';
import { countOf, formatBytes, formatCount, formatDuration } from '../output/format.ts';
import { printable } from '../output/width.ts';

const help = `Usage: meridian status [--watch]

Shows the cluster as the asked region sees it: the quorum and its leader, and for each region its state, the round trip
to it, how old its knowledge may be (STALENESS), how many revisions its content is behind (LAG), and what it misses.

  --watch  shows it again every two seconds, until Ctrl-C`;

const WATCH_INTERVAL_MS = 2_000;
const CLEAR_SCREEN = '\u001b[H\u001b[2J';

export const status: Command = {
  name: 'status',
  summary: 'show the regions, and how far each has got',
  help,
  run: async (args, tools) => {
    const { values, positionals, api } = prepare(args, { watch: { type: 'boolean' } }, tools);
    requireNoMore(positionals, 0);
    const { out, signal, sleep } = tools;
    if (values.watch !== true) return show(await readStatus(api, signal), api.url, tools);
    try {
      for (;;) {
        const told = await readStatus(api, signal);
        if (out.isInteractive && !tools.json) out.draw(CLEAR_SCREEN);
        await show(told, api.url, tools);
        await sleep(WATCH_INTERVAL_MS, signal);
      }
    } catch (error) {
      if (signal.aborted && !(error instanceof Exit)) return EXIT.done;
      throw error;
    }
  },
};

async function show(told: Status, url: string, tools: Tools): Promise<ExitCode> {
  const { out, json } = tools;
  if (json) {
    await printJson(tools, told);
    return EXIT.done;
  }
  const { underReplicatedAtMost: few } = told;
  await out.print(`${out.style('bold', 'Registry')}          ${url}, as ${printable(told.region)} sees it`);
  await out.print(
    `${out.style('bold', 'Catalog')}           ${printable(told.catalogId)} at revision ${told.head}`,
  );
  await out.print(`${out.style('bold', 'Quorum')}            ${printable(describeQuorum(told.quorum))}`);
  await out.print(
    `${out.style('bold', 'Under-replicated')}  ${few === null ? "unknown while a region can't be asked" : few === 0 ? 'nothing' : `at most ${countOf(few, 'blob')}`}`,
  );
  await out.print('');
  await printTable(
    tools,
    COLUMNS,
    told.regions.map((region) => rowOf(region, told.region, tools)),
  );
  for (const { region, unreachable } of told.regions) {
    if (unreachable !== undefined) {
      await out.print(out.style('yellow', `${printable(region)} can't be asked: ${printable(unreachable)}`));
    }
  }
  return EXIT.done;
}

const NUMBERS = ['ROUND TRIP', 'STALENESS', 'LAG', 'MISSING', 'TIME LEFT', 'LOST', 'BLOBS', 'BYTES', 'FREE'];
const COLUMNS = [
  { header: 'REGION' },
  { header: 'STATE' },
  ...NUMBERS.map((header) => ({ header, align: 'right' as const })),
];

function rowOf(region: RegionStatus, own: string, { out }: Tools): string[] {
  const { roundTripMs, stalenessMs, lag, missingBlobs, missingBytes = 0, lostBlobs, blobs, bytes } = region;
  const secondsLeft = region.filling?.secondsLeft ?? 0;
  return [
    printable(region.region) + (region.region === own ? ' *' : ''),
    stateOf(region, out),
    shown(region.unreachable === undefined ? roundTripMs : undefined, formatDuration),
    shown(stalenessMs, formatDuration),
    shown(lag, formatCount),
    shown(missingBlobs, (count) =>
      count === 0 ? '0' : `${formatCount(count)}, ${formatBytes(missingBytes)}`,
    ),
    secondsLeft === 0 ? '–' : formatDuration(secondsLeft * 1000),
    shown(lostBlobs, formatCount),
    shown(blobs, formatCount),
    shown(bytes, formatBytes),
    shown(region.freeBytes, formatBytes),
  ];
}

function stateOf({ state, live, unreachable, drain }: RegionStatus, out: Tools['out']): string {
  if (unreachable !== undefined || !live) return out.style('red', 'away');
  if (drain?.drained === true) return out.style('yellow', 'drained');
  return out.style(state === 'active' ? 'green' : 'yellow', printable(state));
}

function shown(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? '–' : format(value);
}

function describeQuorum(quorum: Status['quorum']): string {
  if ('unreachable' in quorum) return `can't be reached: ${String(quorum.unreachable)}`;
  if (quorum.embedded) return 'the embedded coordinator, whose loss is not survived';
  const { leader, members, version } = quorum;
  return `etcd ${version}, ${countOf(members.length, 'member')}, ${leader === null ? 'no leader' : `led by ${leader}`}`;
}
