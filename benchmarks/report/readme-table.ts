import { spreadOf } from '../measure/statistics.ts';
import { advantage, OURS, valuesOf } from './judge.ts';
import { shortNumber, spreadText } from './numbers.ts';
import type { CaseResult, Figure, Results } from './results.ts';

const BEGIN = '<!-- benchmark: npm run bench:table -->';
const END = '<!-- end of benchmark -->';

/** Whose processor time is compared: the first of these that is there. */
const MAIN_PEERS = ['distribution3', 'distribution2'];

/** A Markdown table of a run: for each case its first figure at Meridian, and how many times as good that is as each peer's. */
export function markdownTable({ scenarios, machine, quick, startedAt }: Results): string {
  const cases = scenarios.flatMap((scenario) => scenario.cases);
  const servers = new Set(cases.flatMap(({ samples }) => Object.keys(samples)));
  const peers = [...servers].filter((name) => name !== OURS);
  const main = MAIN_PEERS.find((name) => servers.has(name));
  const columns = [
    ...peers.map((peer) => `beside ${peer}`),
    ...(main === undefined ? [] : [`${main}, by processor time`]),
  ];
  const header = ['', 'Meridian', ...columns];
  const lines = [header, header.map((_, i) => (i === 0 ? '---' : '---:'))];
  for (const one of cases) lines.push(caseRow(one, peers, main));
  return [
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `How many times as good Meridian is: medians of alternating rounds, with the lowest and highest. ${machine.processors} processors shared with the load generator, ${startedAt.slice(0, 10)}${quick ? ', `--quick`' : ''}.`,
  ].join('\n');
}

/** The document with the table put between its marks. */
export function withTable(document: string, table: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin === -1 || end < begin)
    throw new Error(`The document has no place for the table: a line ${BEGIN} and, below it, a line ${END}.`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${document.slice(end)}`;
}

function caseRow(result: CaseResult, peers: readonly string[], main: string | undefined): string[] {
  const beside = (figure: Figure | undefined, peer: string): string => {
    if (figure === undefined || (result.samples[peer] ?? []).length === 0) return '';
    return `× ${spreadText(advantage(result, figure, OURS, peer))}`;
  };
  const [figure] = result.figures;
  const cpu = result.figures.find(({ name }) => name === 'CPU');
  const median = figure === undefined ? NaN : spreadOf(valuesOf(result, OURS, figure.name)).median;
  return [
    figure === undefined || figure.name === 'throughput' ? result.name : `${result.name}: ${figure.name}`,
    `${shortNumber(median)} ${figure?.unit ?? ''}`,
    ...peers.map((peer) => beside(figure, peer)),
    ...(main === undefined ? [] : [beside(cpu, main)]),
  ];
}
