import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { send } from '#test/support/registry-client.ts';
import { startSplittingProxy } from '#test/support/splitting-proxy.ts';
import { runSuite } from './suite.ts';
import type { Totals } from './totals.ts';

/** A region's front end, as people call it and as `host:port`. */
export interface Target {
  readonly name: string;
  readonly registry: string;
}

export interface Run {
  readonly name: string;
  readonly writes: Target;
  readonly reads: Target;
}

/** Each region by itself; then, around the ring, writes in each with reads answered by the next. */
export function planRuns(targets: readonly Target[]): Run[] {
  const alone = targets.map((target) => ({ name: target.name, writes: target, reads: target }));
  if (targets.length < 2) return alone;
  const split = targets.flatMap((writes, i) => {
    const reads = targets[(i + 1) % targets.length] ?? writes;
    return [{ name: `${writes.name}, read in ${reads.name}`, writes, reads }];
  });
  return [...alone, ...split];
}

/** Runs the suite in two new repositories. */
export async function performRun(
  run: Run,
  { binary, resultsDir }: { binary: string; resultsDir: string },
  signal: AbortSignal,
): Promise<Totals> {
  const id = randomBytes(4).toString('hex');
  const repositories = [`conformance/${id}/one`, `conformance/${id}/two`] as const;
  const isSplit = run.writes.registry !== run.reads.registry;
  for (const repository of repositories) await prepare(run, repository, isSplit);
  const proxy = isSplit
    ? await startSplittingProxy({ writes: run.writes.registry, reads: run.reads.registry })
    : undefined;
  try {
    const registry = proxy?.address ?? run.writes.registry;
    const dir = join(resultsDir, run.name.replaceAll(/[^A-Za-z0-9.-]+/g, '-'));
    return await runSuite({ binary, registry, repositories, resultsDir: dir }, signal);
  } finally {
    await proxy?.close();
  }
}

/**
 * The suite pushes manifests that name what is nowhere, so the repositories accept that. It looks for each change at once, and a list may be
 * behind by one watch delay in another region than the one written to, so reads are strong where they go there.
 */
async function prepare({ writes, reads }: Run, repository: string, isSplit: boolean): Promise<void> {
  const settings = { missing: 'accept', ...(isSplit ? { reads: 'strong' } : {}) };
  const path = `/meridian/v1/repositories/${repository}/settings`;
  const set = await send(writes.registry, 'PATCH', path, { body: JSON.stringify(settings) });
  if (set.status !== 200) throw new Error(`The settings were refused: ${set.status} ${set.body.toString()}`);
  // From this revision on the reading region keeps to them.
  const headers = { 'meridian-min-revision': String(set.headers['meridian-revision']) };
  const seen = await send(reads.registry, 'GET', `/v2/${repository}/tags/list`, { headers });
  if (seen.status >= 500) throw new Error(`${reads.name} has no settings: ${seen.body.toString()}`);
}
