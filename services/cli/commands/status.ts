import { readStatus, type RegionStatus, type Status } from '../api/status.ts';
import { requireNoMore } from '../arguments.ts';
import { prepare, printJson, printTable, type Command, type Tools } from '../command.ts';
import { EXIT, Exit, type ExitCode } from '../exit.ts';
import { countOf, formatBytes, formatCount, formatDuration } from '../output/format.ts';
import { printable } from '../output/width.ts';
import { describeQuarantine, describeScrubbed } from './status-healing.ts';

const help = `Usage: meridian status [--watch]

Shows the cluster as the asked region sees it: the quorum and its leader, what is in fewer regions than its durability
asks, whether the other regions hold what the catalog wants there, when each last read again all that it holds, what
is kept in quarantine ("meridian verify --report" tells more), and for each region its state, the round trip
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
  await out.print(`${out.style('bold', 'Registry')}          ${url}, as ${printable(told.region)} sees it`);
  await out.print(
    `${out.style('bold', 'Catalog')}           ${printable(told.catalogId)} at revision ${told.head}`,
  );
  await out.print(`${out.style('bold', 'Quorum')}            ${printable(describeQuorum(told.quorum))}`);
  await out.print(`${out.style('bold', 'Under-replicated')}  ${describeFew(told.underReplicated)}`);
  await out.print(`${out.style('bold', 'Compared')}          ${printable(describeCompared(told))}`);
  await out.print(`${out.style('bold', 'Scrubbed')}          ${printable(describeScrubbed(told))}`);
  await out.print(`${out.style('bold', 'Quarantine')}        ${printable(describeQuarantine(told))}`);
  await printPlacements(told, out);
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

/** Nothing where content may be everywhere. */
async function printPlacements(
  { placements = [], placedRepositories = 0 }: Status,
  out: Tools['out'],
): Promise<void> {
  const rules = placements.map(({ pattern, regions }) => `${pattern} in ${regions.join(', ')}`);
  const own =
    placedRepositories === 0
      ? []
      : [`${countOf(placedRepositories, 'repository', 'repositories')} with regions of their own`];
  if (rules.length + own.length === 0) return;
  await out.print(`${out.style('bold', 'Placement')}         ${printable([...rules, ...own].join('; '))}`);
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

function describeFew(few: Status['underReplicated']): string {
  if (few === null) return "unknown while a region can't be asked";
  const { blobs, bytes, images, exact, ageMs } = few;
  const at = `as of ${formatDuration(ageMs)} ago`;
  if (blobs === 0) return `nothing, ${at}`;
  if (!exact) return `at most ${countOf(blobs, 'blob')}, ${at}`;
  return `${countOf(blobs, 'blob')} of ${countOf(images, 'image')}, ${formatBytes(bytes)}, ${at}`;
}

/** Which others hold all that they should, as the asked region has found. */
function describeCompared({ region: own, regions }: Status): string {
  const compared = regions.find(({ region }) => region === own)?.compared ?? [];
  if (compared.length === 0) return 'no other region yet';
  const equal = compared.filter((other) => other.equal);
  const lacking = compared.filter((other) => !other.equal);
  const age = formatDuration(Math.max(...compared.map(({ ageMs }) => ageMs)));
  const parts = [
    ...(equal.length === 0
      ? []
      : [
          `${equal.map(({ region }) => region).join(', ')} ${equal.length === 1 ? 'holds' : 'hold'} everything`,
        ]),
    ...lacking.map(({ region, lacksBlobs }) => `${region} lacks ${countOf(lacksBlobs, 'blob')}`),
  ];
  return `${parts.join('; ')}, as of ${age} ago`;
}

function describeQuorum(quorum: Status['quorum']): string {
  if ('unreachable' in quorum) return `can't be reached: ${String(quorum.unreachable)}`;
  if (quorum.embedded) return 'the embedded coordinator, whose loss is not survived';
  const { leader, members, version } = quorum;
  return `etcd ${version}, ${countOf(members.length, 'member')}, ${leader === null ? 'no leader' : `led by ${leader}`}`;
}
