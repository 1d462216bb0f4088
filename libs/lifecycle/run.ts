import { startFailure } from './start-failure.ts';

/** A service that has started. */
export interface RunningService {
  /** How long `stop` may let running work go on. */
  readonly graceMs: number;
  /** Takes no new work, lets what runs finish within `graceMs`, ends the rest, frees everything. */
  stop(graceMs: number): Promise<void>;
  /** What SIGHUP asks for: files that may have been replaced are looked at. Undefined: the signal ends the process, as it does by default. */
  readonly reload?: (() => void) | undefined;
  /** Takes note of a fault that nothing caught, just before the process exits. Default: standard error. */
  reportFault?(error: unknown): void;
}

/** What `stop` may take beyond its grace before the process ends without it. */
const STOP_MARGIN_MS = 5_000;

/**
 * The whole of a process: starts the service, stops it on SIGTERM, SIGINT or when the parent process is gone, and
 * exits. What keeps it from starting is told in sentences on standard error, exit code 1; a second signal ends it at
 * once. `start` should give up when its signal aborts.
 */
export async function runService(
  name: string,
  start: (signal: AbortSignal) => Promise<RunningService>,
): Promise<void> {
  const stopping = stopRequests(name);
  let service: RunningService | undefined;
  const onFault = (error: unknown): void => {
    if (service?.reportFault === undefined)
      complain(name, error instanceof Error ? error.stack : String(error));
    else service.reportFault(error);
    process.exit(1);
  };
  process.on('uncaughtException', onFault);
  process.on('unhandledRejection', onFault);

  try {
    service = await start(stopping);
  } catch (error) {
    if (stopping.aborted) process.exit(0);
    complain(name, startFailure(error));
    process.exit(1);
  }
  if (service.reload !== undefined) process.on('SIGHUP', service.reload);
  if (!stopping.aborted) await new Promise((resolve) => stopping.addEventListener('abort', resolve));
  await stop(name, service);
}

async function stop(name: string, service: RunningService): Promise<never> {
  const timeoutMs = service.graceMs + STOP_MARGIN_MS;
  setTimeout(() => {
    complain(name, `did not stop within ${timeoutMs} ms and was ended.`);
    process.exit(1);
  }, timeoutMs);
  await service.stop(service.graceMs);
  process.exit(0);
}

/** Aborts at the first request to stop; the second signal ends the process. */
function stopRequests(name: string): AbortSignal {
  const abort = new AbortController();
  const request = (reason: string): void => abort.abort(new Error(`${name} was asked to stop: ${reason}.`));
  const onSignal = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) {
      complain(name, `was ended by a second ${signal}.`);
      process.exit(1);
    }
    request(signal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Only a process that was forked has a parent to lose; without it nobody would ever stop this one.
  if (process.connected) process.once('disconnect', () => request('its parent process is gone'));
  return abort.signal;
}

function complain(name: string, what: string | undefined): void {
  process.stderr.write(`${name}: ${what ?? 'unknown fault'}\n`);
}
