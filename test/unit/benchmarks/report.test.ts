import { describe, expect, it } from 'vitest';
import { bar } from '../../../benchmarks/cli/progress.ts';
import { Histogram } from '../../../benchmarks/measure/histogram.ts';
import { htmlReport } from '../../../benchmarks/report/html.ts';
import { advantage, verdicts } from '../../../benchmarks/report/judge.ts';
import { shortNumber } from '../../../benchmarks/report/numbers.ts';
import { markdownTable, withTable } from '../../../benchmarks/report/readme-table.ts';
import type { CaseResult, Results, Sample, Target } from '../../../benchmarks/report/results.ts';
import { textReport } from '../../../benchmarks/report/text.ts';

const RATE = { name: 'throughput', unit: 'requests/s', better: 'higher' } as const;
const CPU = { name: 'CPU', unit: 's', better: 'lower' } as const;

function sample(throughput: number, cpu: number, problems: Record<string, number> = {}): Sample {
  const latency = new Histogram();
  for (let i = 1; i <= 20; i++) latency.record(i);
  return { figures: { throughput, CPU: cpu }, latency: latency.counts(), problems };
}

function caseOf(targets: readonly Target[], names = ['meridian', 'distribution2']): CaseResult {
  const [own = '', other = ''] = names;
  return {
    ...{ name: 'GET of <something>', figures: [RATE, CPU], targets },
    samples: {
      [own]: [sample(300, 2), sample(500, 2)],
      [other]: [sample(100, 4, { 'status 500': 3 }), sample(100, 4)],
    },
  };
}

const results: Results = {
  ...{ format: 1, startedAt: '2026-01-02T03:04:05.000Z', seconds: 60, seed: 1, quick: true, scale: 1 },
  logsRequests: true,
  machine: {
    ...{ processors: 2, model: 'A & B', memoryBytes: 2 ** 34, system: 'Linux', node: 'v26' },
    load: { before: 1, after: 2 },
  },
  capacity: { requestsPerSecond: 50_000, bytesPerSecond: 3e9 },
  servers: [{ name: 'meridian', version: '1', durability: 'all flushed' }],
  scenarios: [
    {
      ...{ name: 'hot', title: 'Hot', notes: ['16 connections'] },
      cases: [caseOf([{ figure: 'throughput', against: ['distribution3', 'distribution2'], ratio: 5 }])],
    },
  ],
};

describe('an advantage', () => {
  it('is more than one where Meridian is better, whichever way the figure goes', () => {
    expect(advantage(caseOf([]), RATE, 'meridian', 'distribution2')).toEqual({ median: 4, low: 3, high: 5 });
    expect(advantage(caseOf([]), CPU, 'meridian', 'distribution2')).toEqual({ median: 2, low: 2, high: 2 });
  });
});

describe('a target', () => {
  it.each([
    [{ figure: 'throughput', against: ['distribution3', 'distribution2'], ratio: 4 }, [true]],
    [{ figure: 'throughput', against: ['distribution2'], ratio: 4.1 }, [false]],
    [{ figure: 'CPU', against: ['distribution2'], ratio: 2 }, [true]],
    [{ figure: 'CPU', limit: 1.9 }, [false]],
    [{ figure: 'CPU', limit: 2 }, [true]],
    [{ figure: 'throughput', limit: 500 }, [false]],
    [{ figure: 'throughput', against: ['zot'], ratio: 1 }, []],
  ] satisfies [Target, boolean[]][])('%j is met: %j', (target, met) => {
    expect(verdicts(caseOf([target])).map((verdict) => verdict.met)).toEqual(met);
  });
});

describe('reports', () => {
  it('as text tell figures, ratios, targets and what went wrong', () => {
    const text = textReport(results);
    expect(text).toContain('400 (300–500)');
    expect(text).toContain('100 ×4.00');
    expect(text).toContain(
      'target MISSED: throughput at least 5.00 × as good as distribution2; it is 4.00 (3.00–5.00)',
    );
    expect(text).toContain('distribution2: 3 × status 500');
  });

  it('as a page need nothing else, hold plots, and show text as it is', () => {
    const page = htmlReport(results);
    expect(page).not.toMatch(/(src|href)=|@import|url\(/);
    expect(page).not.toContain('<something>');
    expect(page).toContain('GET of &#60;something&#62;');
    expect(page).toContain('A &#38; B');
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page.match(/<polyline /g)).toHaveLength(2);
    expect(page).not.toContain('NaN');
  });

  it('as a table for a document have a row for each case', () => {
    expect(markdownTable(results).split('\n')[2]).toBe(
      '| GET of <something> | 400 requests/s | × 4.00 (3.00–5.00) | × 2.00 |',
    );
  });

  it('go between the marks of the document, again and again', () => {
    const document =
      'before\n\n<!-- benchmark: npm run bench:table -->\n\n<!-- end of benchmark -->\n\nafter\n';
    const once = withTable(document, '| a |');
    expect(once).toContain('table -->\n\n| a |\n\n<!-- end');
    expect(withTable(withTable(document, '| b |'), '| a |')).toBe(once);
    expect(() => withTable('nothing', '')).toThrow('has no place for the table');
  });
});

it.each([
  [0, '0'],
  [0.01234, '0.0123'],
  [1, '1.00'],
  [12.34, '12.3'],
  [12_345, '12,300'],
  [NaN, '–'],
])('%d is written %s', (value, text) => {
  expect(shortNumber(value)).toBe(text);
});

it('a bar is as long as what is done', () => {
  expect(bar(0, 4)).toBe(`▕${'░'.repeat(24)}▏  0 %`);
  expect(bar(2, 4)).toBe(`▕${'█'.repeat(12)}${'░'.repeat(12)}▏ 50 %`);
  expect(bar(5, 4)).toBe(`▕${'█'.repeat(24)}▏100 %`);
});
