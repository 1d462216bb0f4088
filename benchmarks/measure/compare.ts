import type { CaseResult, Sample } from '../report/results.ts';
import type { Server } from '../servers/server.ts';
import type { Context } from './context.ts';
import { figuresOf, measureLoad, type LoadCase } from './load-case.ts';

/**
 * Measures one case at several servers: after a round that warms up, one server at a time and each once a round, so that what else the
 * machine does meets all of them. Every other round goes the other way round.
 */
export async function compare(
  context: Context,
  servers: readonly Server[],
  loadCase: LoadCase,
): Promise<CaseResult> {
  const { progress, rounds, signal } = context;
  const samples: Record<string, Sample[]> = Object.fromEntries(servers.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      signal.throwIfAborted();
      progress.step(`${loadCase.name}: ${server.name}${round === 0 ? ', warming up' : ''}`);
      const sample = await measureLoad(context, loadCase, server, round);
      if (round > 0) samples[server.name]?.push(sample);
    }
  }
  return { name: loadCase.name, figures: figuresOf(loadCase), targets: loadCase.targets ?? [], samples };
}

/** How many steps of progress that makes. */
export function stepsOf({ rounds }: Context, cases: number, servers: number): number {
  return cases * servers * (rounds + 1);
}
