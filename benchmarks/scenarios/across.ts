import type { Context } from '../measure/context.ts';
import { CPU } from '../measure/load-case.ts';
import { cpuSecondsOf } from '../measure/process-usage.ts';
import { MEMORY_IS_READIED, readyDisk } from '../measure/ready-disk.ts';
import { untilStill } from '../measure/until-quiet.ts';
import type { CaseResult, Figure, Sample, Target } from '../report/results.ts';
import { startPlainNode } from '../servers/plain-node.ts';
import { download, startCacheRegions } from '../wan/cache-regions.ts';
import { startMeridianRegions } from '../wan/meridian-regions.ts';
import { bytesPerMs, PROFILES, profileText, QUICK_PROFILES, type LinkProfile } from '../wan/profile.ts';
import type { Regions } from '../wan/regions.ts';
import { useRegions } from '../wan/use-regions.ts';
import { planImage, type PlannedImage } from '../workload/images.ts';
import { holdLocally } from './hold-locally.ts';
import type { Scenario } from './scenario.ts';

const REPOSITORY = 'across/regions';
const DOWNLOAD = 'plain download';
/** One for each of the other regions. */
const WARM_UP_ROUNDS = 2;
const SPARE_MS = 10;
const VISIBLE = 'visible';
const FIRST_BYTE = 'first byte';
const WHOLE = 'whole blob';

/** What is pushed in one region is pulled in two others at once. */
export const across: Scenario = {
  name: 'across',
  title: 'Pushed in one region, pulled in two others',
  notes: (context) => [
    `An image with a layer of ${layerBytes(context) / 1e6} MB is pushed in one region; as soon as the push has returned, it is looked for by its tag in one of two others, in turns, and the layer read. Connections within a region are there already.`,
    'The links are delaying proxies, a rate for all connections of a link together; windows are never what limits. The coordinator is one round trip away from each region. Meridian holds content where it is pushed only (durability: local) and announces nothing, so that a copy begins no sooner than the tag can be seen; peers are caches that pull through. The plain download is of the same bytes over the same link from Node.',
    MEMORY_IS_READIED,
  ],
  run: async (context) => {
    const profiles = context.quick ? QUICK_PROFILES : PROFILES;
    const perProfile = (2 + context.cachingPeers.length) * (WARM_UP_ROUNDS + context.rounds);
    context.progress.begin(across.title, profiles.length * perProfile);
    const results = [];
    for (const profile of profiles) results.push(await overLink(context, profile));
    return results;
  },
};

function layerBytes({ scale }: Context): number {
  return Math.round(128 * scale) * 1e6;
}

async function overLink(context: Context, profile: LinkProfile): Promise<CaseResult> {
  const samples: Record<string, Sample[]> = {};
  const starts = [
    () => startCacheRegions(context, profile, download(startPlainNode)),
    () => startMeridianRegions(profile, { MERIDIAN_ANNOUNCE_REGIONS: '0' }),
    ...context.cachingPeers.map((peer) => () => startCacheRegions(context, profile, peer)),
  ];
  for (const start of starts) {
    context.signal.throwIfAborted();
    const regions = await start();
    await useRegions(context, regions, async () => {
      samples[regions.name] = await roundsOf(context, profile, regions);
    });
  }
  return { name: `pull elsewhere, ${profileText(profile)}`, figures, targets: targetsOf(profile), samples };
}

const figures: Figure[] = [
  { name: WHOLE, unit: 'ms', better: 'lower' },
  { name: FIRST_BYTE, unit: 'ms', better: 'lower', plotted: true },
  { name: VISIBLE, unit: 'ms', better: 'lower' },
  { name: 'done', unit: 'ms after the push', better: 'lower', plotted: true },
  { name: 'tries', unit: 'requests', better: 'lower' },
  { name: 'of the link', unit: '%', better: 'higher' },
  { name: 'WAN', unit: 'MB a pull', better: 'lower', plotted: true },
  { name: CPU, unit: 's, all regions, push and pull', better: 'lower' },
];

function targetsOf({ roundTripMs }: LinkProfile): Target[] {
  return [
    { figure: 'tries', limit: 1 },
    { figure: FIRST_BYTE, limit: roundTripMs + SPARE_MS },
    { figure: WHOLE, against: [DOWNLOAD], ratio: 1 / 1.1 },
    ...(roundTripMs >= 250 ? [{ figure: 'of the link', limit: 80 }] : []),
  ];
}

async function roundsOf(context: Context, profile: LinkProfile, regions: Regions): Promise<Sample[]> {
  if (regions.name === 'meridian') await holdLocally(regions.origin.registry);
  const samples: Sample[] = [];
  for (let round = 1; round <= WARM_UP_ROUNDS + context.rounds; round++) {
    context.signal.throwIfAborted();
    context.progress.step(`${profileText(profile)}: ${regions.name}`);
    const image = planImage({
      ...{ repository: REPOSITORY, tag: `round${round}`, seed: `${context.seed}/across/${round}` },
      layerBytes: [layerBytes(context)],
    });
    const sample = await oneRound(context, profile, regions, image, round);
    if (round > WARM_UP_ROUNDS) samples.push(sample);
  }
  return samples;
}

/** A push, then a pull in one of the others, in turns. */
async function oneRound(
  context: Context,
  profile: LinkProfile,
  regions: Regions,
  image: PlannedImage,
  round: number,
): Promise<Sample> {
  const { generator, signal } = context;
  const place = round % regions.others.length;
  const other = regions.others[place];
  if (other === undefined) throw new Error('There is no other region.');
  await generator.prepare({
    registry: regions.origin.registry,
    work: {
      ...{ kind: 'push-then-pull', image, elsewhere: other.registry },
      isBlobAlone: regions.name === DOWNLOAD,
    },
  });
  await readyDisk(context);
  const pids = [regions.origin, ...regions.others].flatMap((server) => server.pids());
  const cpuBefore = await cpuSecondsOf(pids);
  const before = regions.wanBytes(place);
  const { marks, problems } = await generator.go();
  // What is still copied in the background belongs to this round.
  await untilStill(() => regions.wanBytes(), signal);
  const wholeMs = marks[WHOLE] ?? NaN;
  return {
    figures: {
      ...marks,
      'of the link': (layerBytesOf(image) / (wholeMs * bytesPerMs(profile))) * 100,
      WAN: (regions.wanBytes(place) - before) / 1e6,
      [CPU]: (await cpuSecondsOf(pids)) - cpuBefore,
    },
    problems,
  };
}

function layerBytesOf({ layers }: PlannedImage): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}
