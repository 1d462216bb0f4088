import { prepareBlobs, prepareImages } from './pushes.ts';
import { preparePulls } from './pulls.ts';
import { prepareRequests, type Prepared } from './requests.ts';
import { Tally } from './tally.ts';
import type { FromGenerator, LoadPlan, LoadResult, ToGenerator } from './work.ts';

/*
 * The load generator: a process of its own, told by its parent what to prepare and when to go, so that neither what it costs nor what it
 * prepares is counted for the server.
 */

let prepared: Prepared | undefined;

process.on('message', (message: ToGenerator) => {
  handle(message).then(tell, (error: unknown) => tell({ kind: 'failed', message: String(error) }));
});
process.on('disconnect', () => process.exit());

async function handle(message: ToGenerator): Promise<FromGenerator> {
  if (message.kind === 'prepare') {
    prepared = await prepare(message.plan);
    return { kind: 'prepared' };
  }
  if (prepared === undefined) throw new Error('There is nothing prepared.');
  return { kind: 'result', result: await run(prepared) };
}

function prepare({ registry, work }: LoadPlan): Promise<Prepared> {
  switch (work.kind) {
    case 'requests':
      return prepareRequests(registry, work);
    case 'push-blobs':
      return prepareBlobs(registry, work);
    case 'push-images':
      return prepareImages(registry, work);
    case 'pull-images':
      return preparePulls(registry, work);
  }
}

async function run(work: Prepared): Promise<LoadResult> {
  const tally = new Tally();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await work(tally);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return tally.result(seconds, (user + system) / 1e6);
}

function tell(message: FromGenerator): void {
  process.send?.(message);
}
