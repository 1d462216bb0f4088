import type { Context } from '../measure/context.ts';
import { untilStill } from '../measure/until-quiet.ts';
import type { CaseResult, Figure, Sample } from '../report/results.ts';
import { startCacheRegions } from '../wan/cache-regions.ts';
import { startMeridianRegions } from '../wan/meridian-regions.ts';
import { profileText, type LinkProfile } from '../wan/profile.ts';
import type { Regions } from '../wan/regions.ts';
import { useRegions } from '../wan/use-regions.ts';
import { planImage } from '../workload/images.ts';
import { Histogram } from '../measure/histogram.ts';
import { pushed } from './content.ts';
import { holdLocally } from './hold-locally.ts';
import type { Scenario } from './scenario.ts';

const PROFILE: LinkProfile = { roundTripMs: 100, megabits: 500 };
const REPOSITORY = 'stampede/blob';
const COPIES = 'copies';
const ALL_DONE = 'all done';

/** Very many ask at once for what is not there yet. */
export const stampede: Scenario = {
  name: 'stampede',
  title: 'Very many clients, one blob that is not there yet',
  notes: (context) => [
    `A blob of ${sizeOf(context) / 1e6} MB was just pushed in another region, ${profileText(PROFILE)} away; ${clientsIn(context)} clients ask for it at once. Copies: how often it came over the link.`,
  ],
  run: async (context) => {
    context.progress.begin(stampede.title, (1 + context.cachingPeers.length) * 2 * (roundsIn(context) + 1));
    const samples: Record<string, Sample[]> = {};
    const starts = [
      () => startMeridianRegions(PROFILE, { MERIDIAN_ANNOUNCE_REGIONS: '0' }),
      ...context.cachingPeers.map((peer) => () => startCacheRegions(context, PROFILE, peer)),
    ];
    for (const start of starts) {
      await useRegions(context, await start(), async (regions) => {
        samples[regions.name] = await roundsOf(context, regions);
      });
    }
    return [caseOf(samples)];
  },
};

function clientsIn({ quick }: Context): number {
  return quick ? 20 : 200;
}

function sizeOf({ quick, scale }: Context): number {
  return Math.max(1, Math.round((quick ? 4 : 8) * scale)) * 1e6;
}

/** A cache that fetches anew for each client fills the link for long. */
function roundsIn({ quick, rounds }: Context): number {
  return quick ? 1 : Math.min(rounds, 3);
}

function caseOf(samples: CaseResult['samples']): CaseResult {
  const figures: Figure[] = [
    { name: ALL_DONE, unit: 's', better: 'lower' },
    { name: 'first byte', unit: 'ms, median', better: 'lower' },
    { name: COPIES, unit: 'over the link', better: 'lower', plotted: true },
  ];
  const targets = [{ figure: COPIES, limit: 1.05 }];
  return { name: 'stampede for one blob', figures, targets, samples };
}

async function roundsOf(context: Context, regions: Regions): Promise<Sample[]> {
  const { generator, progress, seed, signal } = context;
  if (regions.name === 'meridian') await holdLocally(regions.origin.registry);
  const [other] = regions.others;
  if (other === undefined) throw new Error('There is no other region.');
  const samples: Sample[] = [];
  // A round that warms up takes too long for a quick run.
  const first = context.quick ? 1 : 0;
  for (let round = first; round <= roundsIn(context); round++) {
    signal.throwIfAborted();
    const image = planImage({
      ...{ repository: REPOSITORY, tag: `round${round}`, seed: `${seed}/stampede/${round}` },
      layerBytes: [sizeOf(context)],
    });
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('The image has no layer.');
    const path = `/v2/${REPOSITORY}/blobs/${layer.digest}`;
    const before = regions.wanBytes(0);
    await pushed(context, regions.origin, { kind: 'push-images', images: [image], connections: 2 });
    progress.step(`${regions.name}: ${clientsIn(context)} clients`);
    await generator.prepare({
      registry: other.registry,
      work: {
        ...{ kind: 'requests', order: [0], connections: clientsIn(context), count: clientsIn(context) },
        requests: [{ method: 'GET', path, status: 200, bytes: layer.size }],
      },
    });
    const result = await generator.go();
    await untilStill(() => regions.wanBytes(), signal);
    if (round > 0)
      samples.push({
        figures: {
          [ALL_DONE]: result.seconds,
          'first byte': Histogram.from(result.firstByte).quantile(0.5),
          [COPIES]: (regions.wanBytes(0) - before) / layer.size,
        },
        latency: result.latency,
        problems: result.problems,
      });
  }
  return samples;
}
