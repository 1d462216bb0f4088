import { RegistryError } from '#libs/oci/errors.ts';
import type { Clock } from '../catalog/collaborators.ts';
import { heal, type HealOptions } from './heal.ts';
import { newHealingReport, type HealingReport, type HealingScope, type HealingWork } from './report.ts';

/** Verifications and repairs of this region that someone has asked for; at most one of each sort runs. */
export interface Healer {
  /** The one that runs, or else the last one of this process; undefined before the first. */
  report(work: HealingWork): HealingReport | undefined;
  /** Starts one, or joins the one that runs; throws CONFLICT where that one looks at less or elsewhere. It goes on whoever waits. */
  start(scope: HealingScope): HealingReport;
  stop(): Promise<void>;
}

export interface HealerOptions extends HealOptions {
  readonly clock: Clock;
}

export function createHealer(options: HealerOptions): Healer {
  const { clock, onFault } = options;
  const stopped = new AbortController();
  const reports = new Map<HealingWork, HealingReport>();
  const running = new Map<HealingWork, Promise<void>>();

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
    report: (work) => reports.get(work),
    start: (scope) => {
      const { work, repository = '' } = scope;
      const last = reports.get(work);
      if (last !== undefined && running.has(work)) {
        if (last.repository === '' || last.repository === repository) return last;
        throw busy(last);
      }
      const report = { ...newHealingReport(scope), startedAt: clock.nowMs() };
      reports.set(work, report);
      running.set(
        work,
        run(scope, report).finally(() => running.delete(work)),
      );
      return report;
    },
    stop: async () => {
      stopped.abort(new Error('The service stops.'));
      await Promise.all(running.values());
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
