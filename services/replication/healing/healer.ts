import { RegistryError } from '#libs/oci/errors.ts';
import type { Scrub } from '#libs/rpc/contracts.ts';
import type { Clock } from '../catalog/collaborators.ts';
import { createLongWork, type LongWork, type Told } from '../reports/long-work.ts';
import { heal, type HealOptions } from './heal.ts';
import { newHealingReport, type HealingReport, type HealingScope, type HealingWork } from './report.ts';

/** Verifications and repairs of this region that someone has asked for; at most one of each sort runs. */
export interface Healer {
  /** The one that runs in this region, or else the last one; undefined before the first. */
  report(work: HealingWork, signal: AbortSignal): Promise<Told<HealingReport> | undefined>;
  /** Starts one, or joins the one that runs; throws CONFLICT where that one looks at less or elsewhere. It goes on whoever waits. */
  start(scope: HealingScope): Promise<Told<HealingReport>>;
  stop(): Promise<void>;
}

export interface HealerOptions extends HealOptions {
  readonly scrub: Scrub;
  readonly clock: Clock;
}

export function createHealer(options: HealerOptions): Healer {
  const { clock, onFault } = options;
  const stopped = new AbortController();
  const workOf = (work: HealingWork): LongWork<HealingReport> =>
    createLongWork<HealingReport>({
      ...{ sort: work, scrub: options.scrub, onFault },
      complete: (kept) => ({ ...newHealingReport({ work, repository: undefined }), ...kept }),
      interrupted: (report) =>
        report.finishedAt > 0
          ? report
          : { ...report, failure: `The process that ran it has ended. Ask for another ${work}.` },
    });
  const works = { verify: workOf('verify'), repair: workOf('repair') };

  const run = async (scope: HealingScope, report: HealingReport): Promise<void> => {
    try {
      await heal(scope, report, options, stopped.signal);
    } catch (error) {
      if (stopped.signal.aborted) return;
      report.failure = error instanceof RegistryError ? error.message : 'It met an error; see the log.';
      onFault(error);
    }
    report.finishedAt = clock.nowMs();
  };
  return {
    report: (work, signal) => works[work].last(signal),
    start: async (scope) => {
      const { work, repository = '' } = scope;
      const report = { ...newHealingReport(scope), startedAt: clock.nowMs() };
      const told = await works[work].start({ read: () => report, work: () => run(scope, report) });
      const { repository: looked } = told.report;
      if (told.joined && looked !== '' && looked !== repository) throw busy(told.report);
      return told;
    },
    stop: async () => {
      stopped.abort(new Error('The service stops.'));
      await Promise.all([works.verify.running(), works.repair.running()]);
    },
  };
}

function busy({ work, repository }: HealingReport): RegistryError {
  return new RegistryError(
    'CONFLICT',
    `A ${work} of the repository ${repository} is running here. Wait until it has ended, then ask again.`,
    { retryAfterSeconds: 5 },
  );
}
