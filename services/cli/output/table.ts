import { displayWidth, pad } from './width.ts';

export interface Column {
  readonly header: string;
  /** Numbers stand on the right. */
  readonly align?: 'left' | 'right';
  /** At least so many columns of the terminal, for rows that are printed before the last one is known. */
  readonly minWidth?: number;
}

/** Lines of equal columns below a line of headers. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  emphasize: (header: string) => string,
): string[] {
  const widths = columns.map(({ header, minWidth = 0 }, index) =>
    Math.max(minWidth, displayWidth(header), ...rows.map((row) => displayWidth(row[index] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align = 'left' }, index) => pad(cells[index] ?? '', widths[index] ?? 0, align))
      .join('  ')
      .trimEnd();
  return [emphasize(line(columns.map(({ header }) => header))), ...rows.map(line)];
}
