import { join } from 'node:path';
import { startFailure } from '#libs/lifecycle/start-failure.ts';
import { parseArguments, usage, type ClusterArguments } from './cluster/arguments.ts';
import { administratorText, banner, EXAMPLE_IMAGE, EXAMPLE_TAG } from './cluster/banner.ts';
import { startChild, type Child } from './cluster/child.ts';
import { writeExampleImage } from './cluster/example-image.ts';
import { eventLine, line } from './cluster/event-lines.ts';
import { planCluster, REGIONS, type PlannedProcess } from './cluster/plan.ts';
import { checkBeforeStart } from './cluster/preflight.ts';

/**
 * `npm start`: three regions on this machine, a process each, and the embedded coordinator.
 * Prints a line for each thing that happens until it is told to stop.
 */
async function main(): Promise<void> {
  const options = parseArguments(process.argv.slice(2), REGIONS);
  if (options.help) {
    print(usage);
    return;
  }
  const plan = planCluster(options);
  const processes = [...(plan.coordinator === undefined ? [] : [plan.coordinator]), ...plan.regions];
  await checkBeforeStart(processes);

  const running = new Set<Child>();
  const stopping = stopRequested();
  let serving = false;
  const start = (planned: PlannedProcess): Child => {
    const child = startChild(planned, {
      event: (event) => print(eventLine(planned.name, event, new Date())),
      administrator: (made) => print(administratorText(made)),
    });
    running.add(child);
    const onEnd = (why: string): void => {
      running.delete(child);
      if (serving && !stopping.aborted)
        print(line(new Date(), child.name, farewell(child.name, why, options)));
    };
    child.ended.then(onEnd, onEnd);
    return child;
  };

  const stopped = new Promise<'stopped'>((resolve) => {
    stopping.addEventListener('abort', () => resolve('stopped'));
  });
  const startAll = async (): Promise<void> => {
    if (plan.coordinator !== undefined) await start(plan.coordinator).ready;
    await Promise.all(plan.regions.map((region) => start(region).ready));
  };
  try {
    if ((await Promise.race([startAll(), stopped])) === 'stopped') return;
    serving = true;
    writeExampleImage(join(options.dataDir, EXAMPLE_IMAGE), EXAMPLE_TAG);
    print(banner(plan, options));
    await stopped;
    print('Stopping …');
  } finally {
    await stopAll(running, plan.coordinator?.name);
  }
}

/** Regions first, so that they can take leave of the coordinator. */
async function stopAll(running: ReadonlySet<Child>, last: string | undefined): Promise<void> {
  for (const group of [[...running].filter(({ name }) => name !== last), [...running]]) {
    for (const child of group) child.stop();
    await Promise.all(group.map(({ ended }) => ended));
  }
}

function farewell(name: string, why: string, options: ClusterArguments): string {
  if (name === 'coordinator') {
    return `lost     the embedded coordinator ended (${why}): pulls of what is known go on, pushes don't. Stop and start again.`;
  }
  const again = ['npm start --', `--region ${name}`, ...process.argv.slice(2)].join(' ');
  return `lost     region ${name} ended (${why}).${options.only === undefined ? ' The others go on.' : ''} To bring it back: ${again}`;
}

/** Ctrl-C under npm may arrive twice, from the terminal and from npm. */
const SAME_REQUEST_MS = 1_000;

/** Aborts on Ctrl-C or when the process is asked to end; asking again later ends it at once. */
function stopRequested(): AbortSignal {
  const abort = new AbortController();
  let requestedAt = 0;
  const stop = (): void => {
    if (!abort.signal.aborted) requestedAt = performance.now();
    else if (performance.now() - requestedAt > SAME_REQUEST_MS) process.exit(1);
    abort.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return abort.signal;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`Meridian did not start: ${startFailure(error)}\n`);
  process.exitCode = 1;
});
