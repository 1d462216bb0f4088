import { prepareBlobs, prepareImages } from './pushes.ts';
import { preparePulls } from './pulls.ts';
import { prepareRequests, type Prepared } from './requests.ts';
import { Tally } from './tally.ts';
import { prepareTrace } from './trace.ts';
import { preparePushThenPull } from './push-then-pull.ts';
import type { FromGenerator, LoadResult, ToGenerator, Work } from './work.ts';

/*
 * The load generator: a process of its own, told by its parent what to prepare and when to go, so that neither what it costs nor what it
 * prepares is counted for the server.
 */

let prepared: readonly Prepared[] = [];

process.on('message', (message: ToGenerator) => {
  handle(message).then(tell, (error: unknown) => tell({ kind: 'failed', message: String(error) }));
});
process.on('disconnect', () => process.exit());

async function handle(message: ToGenerator): Promise<FromGenerator> {
  if (message.kind === 'prepare') {
    const { registry, work } = message.plan;
    const parts = work.kind === 'together' ? work.parts : [work];
    const plans = parts.map((part) => ('registry' in part ? part : { registry, work: part }));
    prepared = await Promise.all(plans.map((plan) => prepare(plan.registry, plan.work)));
    return { kind: 'prepared' };
  }
  return { kind: 'result', result: await run(prepared) };
}

function prepare(registry: string, work: Work): Promise<Prepared> {
  switch (work.kind) {
    case 'requests':
      return prepareRequests(registry, work);
    case 'push-blobs':
      return prepareBlobs(registry, work);
    case 'push-images':
      return prepareImages(registry, work);
    case 'pull-images':
      return preparePulls(registry, work);
    case 'trace':
      return prepareTrace(registry, work);
    case 'push-then-pull':
      return preparePushThenPull(registry, work);
    case 'together':
      throw new Error('Work that is done together is not done together again.');
  }
}

async function run(works: readonly Prepared[]): Promise<LoadResult> {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const firstEnded = new AbortController();
  const results = await Promise.all(
    works.map(async (work, i) => {
      const tally = new Tally();
      await work(tally, firstEnded.signal);
      if (i === 0) firstEnded.abort();
      const seconds = (performance.now() - startedAt) / 1_000;
      const { user, system } = process.cpuUsage(cpuBefore);
      return tally.result(seconds, (user + system) / 1e6);
    }),
  );
  const [first, ...others] = results;
  if (first === undefined) throw new Error('There is nothing prepared.');
  return others.length === 0 ? first : { ...first, others };
}

function tell(message: FromGenerator): void {
  process.send?.(message);
}
