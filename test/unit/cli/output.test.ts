import { describe, expect, it } from 'vitest';
import { parseDuration } from '#services/cli/duration.ts';
import { didYouMean, nearest } from '#services/cli/nearest.ts';
import { formatBytes, formatDuration } from '#services/cli/output/format.ts';
import { startProgress } from '#services/cli/output/progress.ts';
import { renderTable } from '#services/cli/output/table.ts';
import { createTerminal, type OutputStream } from '#services/cli/output/terminal.ts';
import { displayWidth, printable } from '#services/cli/output/width.ts';

/** A stream that keeps what is written. */
function kept(isTTY: boolean): { stream: OutputStream; text: () => string } {
  let text = '';
  const write = (chunk: unknown): boolean => {
    text += String(chunk);
    return true;
  };
  const stream = { isTTY, columns: 60, write, once: () => stream } as unknown as OutputStream;
  return { stream, text: () => text };
}

const CLEAR_LINE = '\r\u001b[K';

describe('tables', () => {
  it.each([
    ['eu', 2],
    ['日本', 4],
    ['é', 1],
    ['e\u0301', 1],
    ['👩‍👩‍👧', 2],
    ['\u001b[31mred\u001b[39m', 3],
    ['', 0],
  ])('count the columns of %j', (text, columns) => {
    expect(displayWidth(text)).toBe(columns);
  });

  it('have their columns one below the other, numbers on the right', () => {
    const columns = [{ header: 'REGION' }, { header: 'BLOBS', align: 'right' as const }, { header: 'STATE' }];
    const rows = [
      ['東京', '7', 'active'],
      ['eu', '12,345', 'draining'],
    ];
    expect(renderTable(columns, rows, (header) => header)).toEqual([
      'REGION   BLOBS  STATE',
      '東京         7  active',
      'eu      12,345  draining',
    ]);
  });

  it('show no control characters that came over the network', () => {
    expect(printable('a\u001b[2Jb\nc\u009b')).toBe('a [2Jb c ');
  });
});

describe('colours', () => {
  it.each([
    [true, {}, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
    [false, { FORCE_COLOR: '1' }, false],
  ])('on a terminal: %s, with %j: %s', (isTTY, env, coloured) => {
    const terminal = createTerminal(kept(isTTY).stream, env);
    expect(terminal.style('red', 'x') !== 'x').toBe(coloured);
  });
});

describe('progress', () => {
  it('is a bar on a terminal that fits it, and is taken away at the end', () => {
    const { stream, text } = kept(true);
    let now = 0;
    const bar = startProgress(createTerminal(stream, {}), 'eu', 'blob', () => now);
    now = 2000;
    bar.update({ done: 25, total: 100, bytes: 2048 });
    expect(text()).toContain('██████░░░░░░░░░░░░░░░░░░ 25 %  25 of 100 bl');
    expect(displayWidth(text().slice(CLEAR_LINE.length))).toBeLessThan(60);
    bar.end();
    expect(text().endsWith(CLEAR_LINE)).toBe(true);
  });

  it('is a line now and then elsewhere', () => {
    const { stream, text } = kept(false);
    let now = 0;
    const bar = startProgress(createTerminal(stream, {}), 'eu', 'blob', () => now);
    for (now = 0; now <= 25_000; now += 1000) bar.update({ done: now / 1000 });
    bar.end();
    expect(text().split('\n')).toEqual(['eu  10 blobs, 10 s', 'eu  20 blobs, 20 s', '']);
  });
});

it.each([
  ['statsu', 'status'],
  ['stat', 'status'],
  ['rigions', 'regions'],
  ['x', undefined],
  ['frobnicate', undefined],
])('%j is taken for %j', (came, meant) => {
  expect(nearest(came, ['status', 'regions', 'wait'])).toBe(meant);
  expect(didYouMean(came, ['status', 'regions', 'wait'])).toBe(
    meant === undefined ? '' : `; did you mean ${meant}?`,
  );
});

it.each([
  ['500ms', 500],
  ['1.5m', 90_000],
  ['7d', 604_800_000],
  ['30', undefined],
  ['-1s', undefined],
  ['s', undefined],
])('%j is a duration of %s ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it('sizes and times are told in units that people use', () => {
  expect([0, 1023, 1024, 1_500_000, 2 ** 40].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.4 MiB',
    '1.0 TiB',
  ]);
  expect([3, 1200, 45_000, 60_000, 185_000, 7_800_000, 100 * 3_600_000].map(formatDuration)).toEqual([
    '3 ms',
    '1.2 s',
    '45 s',
    '1 min',
    '3 min 5 s',
    '2 h 10 min',
    '4 d 4 h',
  ]);
});
