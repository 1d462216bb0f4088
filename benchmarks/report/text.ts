import { caseTable } from './case-table.ts';
import { troubles, verdicts, type Verdict } from './judge.ts';
import { shortNumber, spreadText } from './numbers.ts';
import type { CaseResult, Results } from './results.ts';

/** All figures, for a terminal: a block for each case, the first figures of each server with their ratios to Meridian. */
export function textReport(results: Results): string {
  const blocks = results.scenarios.flatMap(({ title, notes, cases }) => [
    `\n${title}\n${notes.map((note) => `  ${note}\n`).join('')}`,
    ...cases.map(caseText),
  ]);
  return `${blocks.join('\n')}\n`;
}

function caseText(result: CaseResult): string {
  const notes = [
    ...Object.keys(result.samples).flatMap((server) =>
      troubles(result, server).map((trouble) => `${server}: ${trouble}`),
    ),
    ...verdicts(result).map(verdictText),
  ];
  const table = aligned(caseTable(result)).map((line) => `  ${line}`);
  return [result.name, ...table, ...notes.map((note) => `  ${note}`), ''].join('\n');
}

/** `target missed: throughput at least 4 × distribution3, is 2.1 (1.9–2.2)` */
export function verdictText({ target, figure, against, measured, met }: Verdict): string {
  const wanted =
    'limit' in target
      ? `${figure.better === 'lower' ? 'at most' : 'at least'} ${shortNumber(target.limit)} ${figure.unit}`
      : `at least ${shortNumber(target.ratio)} × as good as ${against ?? ''}`;
  const server = 'server' in target ? `${target.server}, ` : '';
  return `target ${met ? 'met' : 'MISSED'}: ${server}${figure.name} ${wanted}; it is ${spreadText(measured)}`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
