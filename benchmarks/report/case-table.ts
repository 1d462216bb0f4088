import { spreadOf } from '../measure/statistics.ts';
import { advantage, OURS, valuesOf } from './judge.ts';
import { shortNumber, spreadText } from './numbers.ts';
import type { CaseResult, Figure } from './results.ts';

/** The figures of a case as rows of cells, the first of which is the header: a row for each server or, where there is one only, for each figure. */
export function caseTable(result: CaseResult): string[][] {
  const servers = Object.keys(result.samples);
  const titles = result.figures.map(({ name, unit }) => `${name}, ${unit}`);
  const [only] = servers;
  if (servers.length === 1 && only !== undefined)
    return [
      ['', only],
      ...result.figures.map((figure, i) => [titles[i] ?? '', cell(result, servers, only, figure)]),
    ];
  return [
    ['', ...titles],
    ...servers.map((server) => [
      server,
      ...result.figures.map((figure) => cell(result, servers, server, figure)),
    ]),
  ];
}

/** A peer's with how many times as good Meridian's is. */
function cell(result: CaseResult, servers: readonly string[], server: string, figure: Figure): string {
  const spread = spreadOf(valuesOf(result, server, figure.name));
  if (Number.isNaN(spread.median)) return '–';
  const text = spreadText(spread);
  if (server === OURS || !servers.includes(OURS)) return text;
  return `${text} ×${shortNumber(advantage(result, figure, OURS, server).median)}`;
}
