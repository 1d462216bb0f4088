import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir, totalmem, type as systemType } from 'node:os';
import { join } from 'node:path';
import type { BenchArguments } from './cli/arguments.ts';
import type { Progress } from './cli/progress.ts';
import { measureCapacity } from './load/capacity.ts';
import { startGenerator } from './load/start-generator.ts';
import type { Context } from './measure/context.ts';
import type { Machine, Results, ScenarioResult, ServerDescription } from './report/results.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { startMeridian } from './servers/meridian.ts';
import { findPeers } from './servers/peers.ts';

/** Runs scenarios one after the other, and tells after each what has been found so far; whatever they started and wrote is gone when this resolves or rejects. */
export async function runScenarios(
  options: BenchArguments,
  scenarios: readonly Scenario[],
  progress: Progress,
  signal: AbortSignal,
  onResults: (results: Results) => Promise<void>,
): Promise<void> {
  const { seed, quick, rounds, roundMs, warmUpMs, scale, logsRequests, dir } = options;
  const startedAt = new Date();
  const loadBefore = loadavg()[0] ?? NaN;
  const scratch = await mkdtemp(join(dir ?? tmpdir(), 'meridian-bench-'));
  const generator = startGenerator();
  const servers = new Map<string, ServerDescription>();
  try {
    progress.begin('What the load generator can do', 1);
    progress.step('against a server that does nothing');
    const capacity = await measureCapacity(generator, roundMs);
    progress.end();
    const found = findPeers(options.peers, process.env['PATH'] ?? '', options.beside);
    const context: Context = {
      ...{ seed, quick, rounds, roundMs, warmUpMs, scale, logsRequests },
      ...{ scratch, generator, capacity, progress, signal },
      starters: [startMeridian, ...found.map(({ start }) => start)],
      cachingPeers: found.flatMap(({ name, start, cache }) =>
        cache === undefined ? [] : [{ name, origin: start, cache }],
      ),
      onServer: ({ name, version, durability }) => void servers.set(name, { name, version, durability }),
    };
    const results: ScenarioResult[] = [];
    for (const scenario of scenarios) {
      const cases = await scenario.run(context);
      progress.end();
      results.push({ name: scenario.name, title: scenario.title, notes: scenario.notes(context), cases });
      await onResults({
        ...{ format: 1, seed, quick, scale, logsRequests, capacity, scenarios: results },
        startedAt: startedAt.toISOString(),
        seconds: (Date.now() - startedAt.getTime()) / 1_000,
        machine: machine(loadBefore),
        servers: [...servers.values()],
      });
    }
  } finally {
    await generator.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

function machine(loadBefore: number): Machine {
  return {
    processors: cpus().length,
    model: cpus()[0]?.model ?? '',
    memoryBytes: totalmem(),
    system: `${systemType()} ${release()}`,
    node: process.version,
    load: { before: loadBefore, after: loadavg()[0] ?? NaN },
  };
}
