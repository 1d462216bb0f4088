import { compare, stepsOf } from '../measure/compare.ts';
import { comparisonOf, CPU, THROUGHPUT, type LoadCase } from '../measure/load-case.ts';
import { withServers } from '../measure/with-servers.ts';
import { startMeridian, startMeridianAs } from '../servers/meridian.ts';
import { startSpanSink } from '../servers/span-sink.ts';
import { pushImages } from './content.ts';
import { hotNotes, planHotContent, smallCases } from './hot-requests.ts';
import type { Scenario } from './scenario.ts';

const TRACED = 'meridian, traced';
const SAMPLED = 0.05;
/** What it may cost. */
const AT_LEAST = 0.95;
const CASES = ['manifest GET by tag', 'small blob GET'];

/** What tracing costs. */
export const tracing: Scenario = {
  name: 'tracing',
  title: `Hot requests with ${SAMPLED * 100} % of them traced`,
  // Rounds so short do not tell 5 % apart.
  inQuick: false,
  notes: (context) => [...hotNotes(context), 'Spans go to a receiver that throws them away.'],
  run: async (context) => {
    const sink = await startSpanSink();
    try {
      const traced = startMeridianAs(TRACED, {
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint,
        OTEL_TRACES_SAMPLER_ARG: String(SAMPLED),
      });
      return await withServers(context, [startMeridian, traced], async (servers) => {
        const content = planHotContent(context);
        const cases = smallCases(context, content).filter(({ name }) => CASES.includes(name));
        context.progress.begin(
          tracing.title,
          stepsOf(context, cases.length, servers.length) + servers.length,
        );
        for (const server of servers) await pushImages(context, server, content.images);
        const results = [];
        for (const one of cases)
          results.push(await compare(context, servers, comparisonOf(context, judged(one))));
        if (sink.bytes() === 0) throw new Error('No span came to the receiver, so nothing was traced.');
        return results;
      });
    } finally {
      await sink.close();
    }
  },
};

function judged(one: LoadCase): LoadCase {
  const targets = [THROUGHPUT, CPU].map((figure) => ({
    ...{ figure, against: ['meridian'], ratio: AT_LEAST, server: TRACED },
  }));
  return { ...one, targets };
}
