import { compare, stepsOf } from '../measure/compare.ts';
import { comparisonOf, CPU, THROUGHPUT, type LoadCase } from '../measure/load-case.ts';
import { withServers } from '../measure/with-servers.ts';
import { asReader, startGuardedMeridian, type Reader } from '../servers/guarded-meridian.ts';
import { startMeridian } from '../servers/meridian.ts';
import { pushImages } from './content.ts';
import { hotNotes, planHotContent, smallCases } from './hot-requests.ts';
import type { Scenario } from './scenario.ts';

/** What it may cost. */
const AT_LEAST = 0.8;
const CASES = ['manifest GET by tag', 'small blob GET'];
const WAYS = ['anyone', 'Basic', 'Bearer'].map((way) => `meridian, ${way}`);

/** What it costs to ask who may do what. */
export const authorization: Scenario = {
  name: 'authorization',
  title: 'Hot requests with and without authorization',
  inQuick: false,
  notes: (context) => [
    ...hotNotes(context),
    'One server lets anyone do anything; the others ask each time, of nobody in particular, by name and password, or by a token.',
  ],
  run: (context) =>
    withServers(context, [startMeridian, ...WAYS.map(startGuardedMeridian)], async (servers) => {
      const content = planHotContent(context);
      const cases = smallCases(context, content).filter(({ name }) => CASES.includes(name));
      const steps = stepsOf(context, cases.length, servers.length) + servers.length;
      context.progress.begin(authorization.title, steps);
      const repositories = content.images.map(({ repository }) => repository);
      const readers = new Map<string, Reader>();
      for (const server of servers) {
        await pushImages(context, server, content.images);
        if (WAYS.includes(server.name))
          readers.set(server.name, await asReader(server.registry, repositories));
      }
      const results = [];
      for (const one of cases)
        results.push(await compare(context, servers, comparisonOf(context, asking(one, readers))));
      return results;
    }),
};

/** The same requests, each by the way that the server's name says. */
function asking(one: LoadCase, readers: ReadonlyMap<string, Reader>): LoadCase {
  const targets = WAYS.flatMap((server) =>
    [THROUGHPUT, CPU].map((figure) => ({
      ...{ figure, against: ['meridian'], ratio: AT_LEAST, server },
    })),
  );
  return {
    ...one,
    targets,
    work: (server, round) => {
      const work = one.work(server, round);
      if (work.kind !== 'requests') throw new Error('Requests are compared, one by one.');
      const requests = work.requests.map((request) => ({
        ...request,
        headers: { ...request.headers, ...headersOf(server.name, request.path, readers.get(server.name)) },
      }));
      return { ...work, requests };
    },
  };
}

function headersOf(
  server: string,
  path: string,
  reader: Reader | undefined,
): Readonly<Record<string, string>> {
  if (reader === undefined || server.endsWith('anyone')) return {};
  if (server.endsWith('Basic')) return { authorization: reader.basic };
  const [, repository = ''] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(path) ?? [];
  return { authorization: reader.bearer.get(repository) ?? '' };
}
