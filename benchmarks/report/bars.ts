import type { Spread } from '../measure/statistics.ts';
import { element } from './markup.ts';
import { spreadText } from './numbers.ts';

export interface Bar {
  readonly label: string;
  readonly color: string;
  readonly spread: Spread;
}

const WIDTH = 460;
const LABEL_WIDTH = 110;
const VALUE_WIDTH = 130;
const BAR_HEIGHT = 16;
const ROW_HEIGHT = 22;
const TOP = 22;

/** Lying bars of medians, each with a line from the lowest to the highest round. */
export function barPlot(title: string, bars: readonly Bar[]): string {
  const known = bars.filter(({ spread }) => Number.isFinite(spread.median));
  const most = Math.max(...known.map(({ spread }) => spread.high), Number.MIN_VALUE);
  const x = (value: number): number =>
    round(LABEL_WIDTH + (value / most) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH));
  const rows = known.flatMap(({ label, color, spread }, i) => {
    const top = TOP + i * ROW_HEIGHT;
    const middle = top + BAR_HEIGHT / 2;
    const text = { y: middle + 4, class: 'label' };
    return [
      element('text', { ...text, x: LABEL_WIDTH - 6, 'text-anchor': 'end' }, label),
      element('rect', {
        x: LABEL_WIDTH,
        y: top,
        width: x(spread.median) - LABEL_WIDTH,
        height: BAR_HEIGHT,
        fill: color,
      }),
      element('line', { x1: x(spread.low), x2: x(spread.high), y1: middle, y2: middle, class: 'whisker' }),
      element('text', { ...text, x: x(spread.high) + 6 }, spreadText(spread)),
    ];
  });
  const height = TOP + known.length * ROW_HEIGHT + 4;
  return element('svg', { viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, height, role: 'img' }, [
    element('text', { x: 0, y: 13, class: 'title' }, title),
    ...rows,
  ]);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
