import { setTimeout as pause } from 'node:timers/promises';
import { holdsBlob } from '#test/faults/support/region-files.ts';
import type { RegionProcess } from '#test/faults/support/region-process.ts';
import type { Context } from '../measure/context.ts';
import { Histogram } from '../measure/histogram.ts';
import type { CaseResult, Sample } from '../report/results.ts';
import { startMeridianRegions, type MeridianRegions } from '../wan/meridian-regions.ts';
import { PROFILES, profileText, QUICK_PROFILES, type LinkProfile } from '../wan/profile.ts';
import { useRegions } from '../wan/use-regions.ts';
import { planImage } from '../workload/images.ts';
import { holdLocally } from './hold-locally.ts';
import type { Scenario } from './scenario.ts';

const REPOSITORY = 'lag/images';
const LAYERS = [400_000, 100_000];
const EVERY_MS = 2;
const GIVE_UP_MS = 60_000;

/** How long after a push the other regions hold its content by themselves, and what durability in two regions adds to a push. */
export const replicaLag: Scenario = {
  name: 'replica-lag',
  title: 'How far replicas are behind',
  inQuick: false,
  notes: (context) => [
    `${pushesOf(context)} pushes one after the other of images of ${LAYERS.length} layers, ${LAYERS.reduce((a, b) => a + b) / 1e6} MB together. The lag is from the return of a push until every other region has each file on its disk. With durability 2 the push itself waits for one of them.`,
  ],
  run: async (context) => {
    const profiles = context.quick ? QUICK_PROFILES : PROFILES;
    context.progress.begin(replicaLag.title, profiles.length * 2 * pushesOf(context));
    const results = [];
    for (const profile of profiles)
      results.push(
        await useRegions(context, await startMeridianRegions(profile), (regions) =>
          measure(context, profile, regions),
        ),
      );
    return results;
  },
};

function pushesOf({ quick }: Context): number {
  return quick ? 10 : 60;
}

async function measure(
  context: Context,
  profile: LinkProfile,
  regions: MeridianRegions,
): Promise<CaseResult> {
  // First as it is by default: in two of the three regions.
  const two = await pushes(context, profile, regions, 'two');
  await holdLocally(regions.origin.registry);
  const local = await pushes(context, profile, regions, 'local');
  const figures = {
    'lag p50': local.lag.quantile(0.5),
    'lag p99': local.lag.quantile(0.99),
    'lag p99, durability 2': two.lag.quantile(0.99),
    'push p50, local': local.push.quantile(0.5),
    'push p50, durability 2': two.push.quantile(0.5),
    'extra for durability 2': two.push.quantile(0.5) - local.push.quantile(0.5),
  };
  const sample: Sample = { figures, latency: local.lag.counts(), problems: {} };
  return {
    name: `replicas, ${profileText(profile)}`,
    figures: Object.keys(figures).map((name) => ({ name, unit: 'ms', better: 'lower' })),
    targets: [{ figure: 'extra for durability 2', limit: extraLimitMs(profile) }],
    samples: { meridian: [sample] },
  };
}

/** Two round trips, and the bytes' own time on the link. */
function extraLimitMs({ roundTripMs, megabits }: LinkProfile): number {
  const bits = 8 * LAYERS.reduce((sum, size) => sum + size, 0);
  return 2 * roundTripMs + (bits / (megabits * 1e6)) * 1_000;
}

async function pushes(
  context: Context,
  profile: LinkProfile,
  { cluster, origin, others }: MeridianRegions,
  kind: string,
): Promise<{ lag: Histogram; push: Histogram }> {
  const [lag, push] = [new Histogram(), new Histogram()];
  const elsewhere = cluster.regions.filter(({ registry }) =>
    others.some((other) => other.registry === registry),
  );
  for (let i = 0; i < pushesOf(context); i++) {
    context.signal.throwIfAborted();
    context.progress.step(`${profileText(profile)}, durability ${kind}`);
    const image = planImage({
      ...{ repository: REPOSITORY, tag: `${kind}${i}`, seed: `${context.seed}/lag/${kind}/${i}` },
      layerBytes: LAYERS,
    });
    await context.generator.prepare({
      registry: origin.registry,
      work: { kind: 'push-images', images: [image], connections: 3 },
    });
    const { seconds, problems } = await context.generator.go();
    const pushedAt = performance.now();
    if (Object.keys(problems).length > 0) throw new Error(`A push failed: ${JSON.stringify(problems)}`);
    const digests = [image.manifest, image.config, ...image.layers].map(({ digest }) => digest);
    await Promise.all(elsewhere.map((region) => untilHeld(region, digests, context.signal)));
    lag.record(performance.now() - pushedAt);
    push.record(seconds * 1_000);
  }
  return { lag, push };
}

async function untilHeld(
  region: RegionProcess,
  digests: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS;
  for (const digest of digests)
    while (!(await holdsBlob(region, digest))) {
      if (performance.now() > deadline)
        throw new Error(`${region.name} does not hold ${digest} in ${GIVE_UP_MS} ms.`);
      await pause(EVERY_MS, undefined, { signal });
    }
}
