import { randomUUID } from 'node:crypto';
import type { Scrub } from '#libs/rpc/contracts.ts';
import type { KeptReport } from '#types/meridian/v1/KeptReport.ts';

/** What is told of long work, such as a verification. */
export interface Told<Report> {
  readonly report: Report;
  readonly running: boolean;
}

/** One run of long work. */
export interface Run<Report> {
  /** How far it is. */
  readonly read: () => Report;
  /** Never rejects. */
  readonly work: () => Promise<void>;
}

/**
 * Long work of one sort, of which one run goes on in a region at a time. Its reports are kept by the region's storage: whichever process is asked
 * tells the same, also after a restart.
 */
export interface LongWork<Report> {
  /** The run that goes on, wherever in the region, or else the last one; undefined before the first. */
  last(signal: AbortSignal): Promise<Told<Report> | undefined>;
  /** Starts a run unless one goes on; gives that one then, and `joined`. It goes on whoever waits. */
  start(run: Run<Report>): Promise<Told<Report> & { readonly joined: boolean }>;
  /** What goes on in this process. */
  running(): Promise<void> | undefined;
}

export interface LongWorkOptions<Report> {
  readonly sort: 'verify' | 'repair' | 'collect';
  readonly scrub: Pick<Scrub, 'keepReport' | 'getReport'>;
  /** Fills in what a report lacks that another release has kept. */
  readonly complete: (kept: Partial<Report>) => Report;
  /** What to tell of a run whose process has ended before it. */
  readonly interrupted: (report: Report) => Report;
  readonly onFault: (error: unknown) => void;
}

/** So often a run tells how far it is; also what a call to the storage may take at the end, when this process may be stopping. */
const TELL_MS = 1_000;
const KEEP_TIMEOUT_MS = 5_000;

export function createLongWork<Report extends object>(options: LongWorkOptions<Report>): LongWork<Report> {
  const { sort, scrub, onFault } = options;
  let own: (Run<Report> & { readonly ended: Promise<void> }) | undefined;
  let starting: Promise<unknown> = Promise.resolve();

  const keep = (run: string, report: Report, running: boolean): Promise<KeptReport> =>
    scrub.keepReport(
      { sort, run, running, json: JSON.stringify(report) },
      { signal: AbortSignal.timeout(KEEP_TIMEOUT_MS) },
    );
  const read = ({ json, running }: KeptReport): Told<Report> => {
    const report = options.complete(JSON.parse(json) as Partial<Report>);
    return { report: running ? report : options.interrupted(report), running };
  };
  const begin = (run: string, { read: tell, work }: Run<Report>): Promise<void> => {
    let telling: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      // A storage that is away for a moment is told the next time.
      telling = keep(run, tell(), true).catch(() => undefined);
    }, TELL_MS);
    const end = async (): Promise<void> => {
      clearInterval(timer);
      await telling;
      await keep(run, tell(), false);
    };
    return work()
      .finally(end)
      .catch(onFault)
      .finally(() => (own = undefined));
  };
  const startNext = async (run: Run<Report>): Promise<Told<Report> & { joined: boolean }> => {
    if (own !== undefined) return { report: own.read(), running: true, joined: true };
    const id = randomUUID();
    const kept = await keep(id, run.read(), true);
    if (kept.run !== id) return { ...read(kept), joined: true };
    own = { ...run, ended: begin(id, run) };
    return { report: run.read(), running: true, joined: false };
  };
  return {
    last: async (signal) => {
      if (own !== undefined) return { report: own.read(), running: true };
      const kept = await scrub.getReport({ sort }, { signal });
      return kept.run === '' ? undefined : read(kept);
    },
    start: (run) => {
      const started = starting.then(() => startNext(run));
      starting = started.catch(() => undefined);
      return started;
    },
    running: () => own?.ended,
  };
}
