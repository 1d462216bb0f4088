import { Histogram } from '../measure/histogram.ts';
import { spreadOf } from '../measure/statistics.ts';
import { barPlot } from './bars.ts';
import { caseTable } from './case-table.ts';
import { colorsOf } from './colors.ts';
import { troubles, valuesOf, verdicts } from './judge.ts';
import { latencyPlot } from './latency-plot.ts';
import { element } from './markup.ts';
import { shortNumber } from './numbers.ts';
import type { CaseResult, Results, ScenarioResult } from './results.ts';
import { verdictText } from './text.ts';

type Colors = ReadonlyMap<string, string>;

/** Of fewer operations there is no distribution to show. */
const FEWEST_FOR_A_CURVE = 10;

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #222; background: #fff }
table { border-collapse: collapse; font-size: 13px; margin: .6em 0 }
th, td { border-bottom: 1px solid #ddd; padding: 2px 10px 2px 0; text-align: right } th:first-child, td:first-child { text-align: left }
svg { margin: 6px 20px 6px 0; vertical-align: top } .title { font: 600 13px sans-serif } .label { font: 11px sans-serif; fill: #444 }
.grid { stroke: #ddd } .whisker { stroke: #222; stroke-width: 1.5 } .met { color: #00704a } .missed { color: #b33a00 } .note { color: #555; font-size: 13px }
h2 { margin-top: 2em; border-top: 2px solid #222; padding-top: .4em }`;

/** The report as one page that needs nothing else: what ran where, and for each case plots, figures and targets. */
export function htmlReport(results: Results): string {
  const names = new Set(
    results.scenarios.flatMap(({ cases }) => cases.flatMap(({ samples }) => Object.keys(samples))),
  );
  const colors = colorsOf([...names]);
  return [
    '<!doctype html>',
    element('html', { lang: 'en' }, [
      element('head', {}, [
        '<meta charset="utf-8">',
        element('title', {}, 'Meridian: benchmark'),
        `<style>${STYLE}</style>`,
      ]),
      element('body', {}, [
        element('h1', {}, 'Meridian beside other registries'),
        ...circumstances(results),
        ...results.scenarios.flatMap((scenario) => scenarioPart(scenario, colors)),
      ]),
    ]),
    '',
  ].join('\n');
}

function circumstances({ machine, capacity, servers, ...run }: Results): string[] {
  const { load } = machine;
  const facts = [
    `${run.startedAt}, ${shortNumber(run.seconds)} s${run.quick ? ', --quick: smaller and shorter, to see where it stands' : ''}; seed ${run.seed}. ${machine.processors} processors (${machine.model}), ${shortNumber(machine.memoryBytes / 2 ** 30)} GiB, ${machine.system}, Node ${machine.node}.`,
    `Everything shares this machine, the load generator too, which can do ${shortNumber(capacity.requestsPerSecond)} small requests or ${shortNumber(capacity.bytesPerSecond / 1e6)} MB in a second of its own processor time. The machine's load was ${shortNumber(load.before)} before and ${shortNumber(load.after)} after the run: where others take part of it, compare processor time.`,
    `Each figure is the median of the rounds, with the lowest and highest; × says how many times as good Meridian is, by the same measure. One server was measured at a time, in turns. ${run.logsRequests ? 'Each server logged its requests to a file.' : 'No server logged its requests.'}`,
  ];
  return [
    ...facts.map((fact) => element('p', {}, fact)),
    table(
      ['Server', 'Version', 'On disk when a push is answered'],
      servers.map(({ name, version, durability }) => [name, version, durability]),
    ),
  ];
}

function scenarioPart({ title, notes, cases }: ScenarioResult, colors: Colors): string[] {
  return [
    element('h2', {}, title),
    ...notes.map((note) => element('p', { class: 'note' }, note)),
    ...cases.flatMap((result) => casePart(result, colors)),
  ];
}

function casePart(result: CaseResult, colors: Colors): string[] {
  const servers = Object.keys(result.samples);
  const [first] = result.figures;
  const plotted = result.figures.filter((figure) => figure === first || figure.plotted === true);
  const bars = plotted.map((figure) =>
    barPlot(
      `${figure.name}, ${figure.unit}`,
      servers.map((label) => ({
        ...{ label, color: colors.get(label) ?? '' },
        spread: spreadOf(valuesOf(result, label, figure.name)),
      })),
    ),
  );
  const curves = servers.flatMap((label) => {
    const histogram = Histogram.sum((result.samples[label] ?? []).map(({ latency }) => latency ?? []));
    return histogram.total < FEWEST_FOR_A_CURVE ? [] : [{ label, color: colors.get(label) ?? '', histogram }];
  });
  const [header = [], ...rows] = caseTable(result);
  return [
    element('h3', {}, result.name),
    ...bars,
    ...(curves.length === 0 ? [] : [latencyPlot('share of the operations done within', curves)]),
    table(header, rows),
    ...verdicts(result).map((verdict) =>
      element('p', { class: verdict.met ? 'met' : 'missed' }, verdictText(verdict)),
    ),
    ...servers.flatMap((server) =>
      troubles(result, server).map((trouble) => element('p', { class: 'missed' }, `${server}: ${trouble}`)),
    ),
  ];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], kind: 'th' | 'td'): string =>
    element(
      'tr',
      {},
      cells.map((cell) => element(kind, {}, cell)),
    );
  return element('table', {}, [row(header, 'th'), ...rows.map((cells) => row(cells, 'td'))]);
}
