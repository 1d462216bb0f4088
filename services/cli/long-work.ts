import { EXIT, Exit } from './exit.ts';
import { startProgress, type Progress } from './output/progress.ts';
import type { Tools } from './command.ts';

/** Something that regions do by themselves once it was begun, and tell of when they are asked. */
export interface LongWork<Report> {
  /** What the bar is named. */
  readonly label: string;
  /** What is counted. */
  readonly noun: string;
  /** Begins it, or joins what runs. */
  readonly start: (signal: AbortSignal) => Promise<Report>;
  readonly read: (signal: AbortSignal) => Promise<Report>;
  readonly isRunning: (report: Report) => boolean;
  readonly progress: (report: Report) => Progress;
  /** A sentence for who presses Ctrl-C: that it goes on, and how to see more of it. */
  readonly goesOn: string;
}

const FIRST_POLL_MS = 50;
const MAX_POLL_MS = 1000;

/** Begins the work and watches it to its end; gives the last report. Ctrl-C ends the watching alone. */
export async function follow<Report>(work: LongWork<Report>, tools: Tools): Promise<Report> {
  const { err, signal, now, sleep } = tools;
  let report = await work.start(signal);
  const bar = startProgress(err, work.label, work.noun, now);
  try {
    for (let wait = FIRST_POLL_MS; work.isRunning(report); wait = Math.min(MAX_POLL_MS, wait * 2)) {
      bar.update(work.progress(report));
      await sleep(wait, signal);
      report = await work.read(signal);
    }
    return report;
  } catch (error) {
    if (signal.aborted) throw new Exit(EXIT.interrupted, work.goesOn, { cause: error });
    throw error;
  } finally {
    bar.end();
  }
}

/** The progress of several regions as one. */
export function sumOf(parts: readonly Progress[]): Progress {
  const sum = (values: readonly (number | undefined)[]): number | undefined =>
    values.every((value) => value !== undefined)
      ? values.reduce((total, value) => total + value, 0)
      : undefined;
  return {
    done: parts.reduce((total, { done }) => total + done, 0),
    total: sum(parts.map(({ total }) => total)),
    bytes: sum(parts.map(({ bytes }) => bytes)),
  };
}
