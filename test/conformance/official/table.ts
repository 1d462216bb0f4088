import type { Totals } from './totals.ts';

const MAX_NAMED = 20;

/** The totals of each run in the suite's words, and below them what did not pass. */
export function formatTable(results: readonly (readonly [run: string, totals: Totals])[]): string {
  const rows = [
    ['Region', 'Pass', 'FAIL', 'Error', 'Skip'],
    ...results.map(([run, { pass, fail, error, skip }]) => [run, ...[pass, fail, error, skip].map(String)]),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  const lines = rows.map(([run = '', ...counts]) =>
    [run.padEnd(widths[0] ?? 0), ...counts.map((count, i) => count.padStart(widths[i + 1] ?? 0))].join('  '),
  );
  const failures = results.flatMap(([run, { others, pass }]) => {
    const names = [...new Set(others)];
    const shown = names.slice(0, MAX_NAMED).map((name) => `  ${name}`);
    const more = names.length > MAX_NAMED ? [`  and ${names.length - MAX_NAMED} more`] : [];
    if (pass === 0 && others.length === 0) return ['', `${run}: the suite ran nothing`];
    return others.length === 0 ? [] : ['', `${run}:`, ...shown, ...more];
  });
  return [...lines, ...failures].join('\n');
}
