import type { CaseResult, Figure, Sample, Target } from '../report/results.ts';
import type { Server } from '../servers/server.ts';
import type { Context } from './context.ts';

/** What is measured at each server in turn. */
export interface Comparison {
  readonly name: string;
  readonly figures: readonly Figure[];
  readonly targets?: readonly Target[];
  /** Whether there is a round 0; true where nothing is said. */
  readonly warmsUp?: boolean | undefined;
  /** One round at one server; round 0 warms up, and what it gives is not counted. */
  readonly measure: (server: Server, round: number) => Promise<Sample>;
}

/**
 * Measures one case at several servers: after a round that warms up, one server at a time and each once a round, so that what else the
 * machine does meets all of them. Every other round goes the other way round.
 */
export async function compare(
  { progress, rounds, signal }: Context,
  servers: readonly Server[],
  { name, figures, targets = [], warmsUp = true, measure }: Comparison,
): Promise<CaseResult> {
  const samples: Record<string, Sample[]> = Object.fromEntries(servers.map((server) => [server.name, []]));
  for (let round = warmsUp ? 0 : 1; round <= rounds; round++) {
    for (const server of round % 2 === 0 ? servers : servers.toReversed()) {
      signal.throwIfAborted();
      progress.step(`${name}: ${server.name}${round === 0 ? ', warming up' : ''}`);
      const sample = await measure(server, round);
      if (round > 0) samples[server.name]?.push(sample);
    }
  }
  return { name, figures, targets, samples };
}

/** How many steps of progress that makes. */
export function stepsOf({ rounds }: Context, cases: number, servers: number): number {
  return cases * servers * (rounds + 1);
}
