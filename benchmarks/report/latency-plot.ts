import type { Histogram } from '../measure/histogram.ts';
import { element } from './markup.ts';
import { shortNumber } from './numbers.ts';

export interface LatencyCurve {
  readonly label: string;
  readonly color: string;
  readonly histogram: Histogram;
}

const WIDTH = 460;
const HEIGHT = 240;
const LEFT = 52;
const RIGHT = 12;
const TOP = 22;
const BOTTOM = 34;
/** Shares of all operations, from the many to the few: each step down leaves a tenth. */
const SHARES = [0, 0.5, 0.9, 0.99, 0.999];
const LEAST_LEFT = 0.0005;

/** Which share of the operations (up) was done within which time (right, each step ten times the one before). The upper parts show the slow few. */
export function latencyPlot(title: string, curves: readonly LatencyCurve[]): string {
  const points = curves.map((curve) => ({ ...curve, points: curve.histogram.cumulative() }));
  const durations = points.flatMap((curve) => curve.points.map(({ durationMs }) => durationMs));
  const from = Math.floor(Math.log10(Math.min(...durations)));
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...durations))));
  const x = (durationMs: number): number =>
    round(LEFT + ((Math.log10(durationMs) - from) / (to - from)) * (WIDTH - LEFT - RIGHT));
  const y = (share: number): number => {
    const nines = -Math.log10(Math.max(LEAST_LEFT, 1 - share)) / -Math.log10(LEAST_LEFT);
    return round(HEIGHT - BOTTOM - nines * (HEIGHT - TOP - BOTTOM));
  };
  const lines = points.map((curve) =>
    element(
      'polyline',
      {
        ...{ fill: 'none', stroke: curve.color, 'stroke-width': 1.8 },
        points: curve.points.map(({ durationMs, share }) => `${x(durationMs)},${y(share)}`).join(' '),
      },
      [element('title', {}, curve.label)],
    ),
  );
  const decades = Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const grid = [
    ...decades.flatMap((durationMs) => [
      element('line', { x1: x(durationMs), x2: x(durationMs), y1: TOP, y2: HEIGHT - BOTTOM, class: 'grid' }),
      element(
        'text',
        { x: x(durationMs), y: HEIGHT - BOTTOM + 14, class: 'label', 'text-anchor': 'middle' },
        `${shortNumber(durationMs)} ms`,
      ),
    ]),
    ...SHARES.flatMap((share) => [
      element('line', { x1: LEFT, x2: WIDTH - RIGHT, y1: y(share), y2: y(share), class: 'grid' }),
      element(
        'text',
        { x: LEFT - 6, y: y(share) + 4, class: 'label', 'text-anchor': 'end' },
        `${share * 100} %`,
      ),
    ]),
  ];
  return element('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: 'img' }, [
    element('text', { x: 0, y: 13, class: 'title' }, title),
    ...grid,
    ...lines,
  ]);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
