import { ratioOf, spreadOf, type Spread } from '../measure/statistics.ts';
import type { CaseResult, Figure, Target } from './results.ts';

export const OURS = 'meridian';

/** A target with what came of it. */
export interface Verdict {
  readonly target: Target;
  readonly figure: Figure;
  /** The server that it is compared with; undefined where it is a limit. */
  readonly against: string | undefined;
  /** How many times as good as that server, or the figure itself. */
  readonly measured: Spread;
  readonly met: boolean;
}

/** The values of a figure at a server, in the order of the rounds. */
export function valuesOf(result: CaseResult, server: string, figure: string): number[] {
  return (result.samples[server] ?? []).map((sample) => sample.figures[figure] ?? NaN);
}

/** How many times as good one server is as another: more than 1 is better, whichever way the figure goes. */
export function advantage(result: CaseResult, figure: Figure, server: string, against: string): Spread {
  const own = valuesOf(result, server, figure.name);
  const others = valuesOf(result, against, figure.name);
  return figure.better === 'higher' ? ratioOf(own, others) : ratioOf(others, own);
}

/** Targets that can be judged: those whose server was there. */
export function verdicts(result: CaseResult): Verdict[] {
  return result.targets.flatMap((target) => judge(result, target));
}

/** What went wrong at a server over all rounds, and whether the generator may have been the limit. */
export function troubles(result: CaseResult, server: string): string[] {
  const samples = result.samples[server] ?? [];
  const counts = new Map<string, number>();
  for (const { problems } of samples)
    for (const [what, count] of Object.entries(problems)) counts.set(what, (counts.get(what) ?? 0) + count);
  const found = [...counts].map(([what, count]) => `${count} × ${what}`);
  return samples.some(({ generatorBound }) => generatorBound) ? [...found, 'generator-bound'] : found;
}

function judge(result: CaseResult, target: Target): Verdict[] {
  const figure = result.figures.find(({ name }) => name === target.figure);
  if (figure === undefined) return [];
  if ('limit' in target) {
    const measured = spreadOf(valuesOf(result, OURS, figure.name));
    const met = figure.better === 'lower' ? measured.median <= target.limit : measured.median >= target.limit;
    return [{ target, figure, against: undefined, measured, met }];
  }
  const has = (name: string): boolean => (result.samples[name] ?? []).length > 0;
  const against = target.against.find(has);
  const server = target.server ?? OURS;
  if (against === undefined || !has(server)) return [];
  const measured = advantage(result, figure, server, against);
  return [{ target, figure, against, measured, met: measured.median >= target.ratio }];
}
