/** Told apart by people who see fewer colours as well (Okabe and Ito). */
const COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#8c8c00', '#666666'];

/** One for each server, the same in every plot of a report. */
export function colorsOf(servers: readonly string[]): ReadonlyMap<string, string> {
  return new Map(servers.map((server, i) => [server, COLORS[i % COLORS.length] ?? '#000000']));
}
