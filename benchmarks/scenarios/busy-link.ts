import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { Work } from '../load/work.ts';
import type { Context } from '../measure/context.ts';
import { Histogram, type HistogramCounts } from '../measure/histogram.ts';
import type { CaseResult, Sample } from '../report/results.ts';
import { startMeridianRegions, type MeridianRegions } from '../wan/meridian-regions.ts';
import { profileText, type LinkProfile } from '../wan/profile.ts';
import { useRegions } from '../wan/use-regions.ts';
import { planImage, type PlannedImage } from '../workload/images.ts';
import { pushed } from './content.ts';
import { holdLocally } from './hold-locally.ts';
import type { Scenario } from './scenario.ts';

const PROFILE: LinkProfile = { roundTripMs: 100, megabits: 200 };
const REPOSITORY = 'busy/link';
const PAUSE_MS = 20;
const KNOWN = 'known';
const ABSENT = 'absent';

/** Small questions in a region whose links are full of what it copies. */
export const busyLink: Scenario = {
  name: 'busy-link',
  title: 'Manifests while replication fills the link',
  inQuick: false,
  notes: (context) => [
    `Regions ${profileText(PROFILE)} apart. In one of them a tag is read that is known there, and a tag that is not there, which takes a question to the quorum before it is answered 404; then the same while ${sizeOf(context) / 1e6} MB that were pushed elsewhere are copied there.`,
  ],
  run: async (context) => {
    context.progress.begin(busyLink.title, 3 * roundsIn(context) + 1);
    return useRegions(
      context,
      await startMeridianRegions(PROFILE, { MERIDIAN_ANNOUNCE_REGIONS: '0' }),
      async (regions) => {
        await holdLocally(regions.origin.registry);
        const small = planImage({
          ...{ repository: REPOSITORY, tag: KNOWN, seed: `${context.seed}/busy/known` },
          layerBytes: [1_000],
        });
        await pushed(context, regions.origin, { kind: 'push-images', images: [small], connections: 1 });
        const samples: Sample[] = [];
        for (let round = 1; round <= roundsIn(context); round++)
          samples.push(await oneRound(context, regions, round));
        return [caseOf(samples)];
      },
    );
  },
};

function roundsIn({ quick, rounds }: Context): number {
  return quick ? 1 : rounds;
}

function sizeOf({ scale }: Context): number {
  return Math.round(200 * scale) * 1e6;
}

function caseOf(samples: readonly Sample[]): CaseResult {
  const names = ['known', 'not there'].flatMap((what) => [`${what}, p50`, `${what}, p99`]);
  const figures = [...names, ...names.map((name) => `${name}, link full`)].map((name) => ({
    ...{ name, unit: 'ms', better: 'lower' as const },
  }));
  const filled = { name: 'of the link', unit: '%', better: 'higher' as const };
  return {
    name: 'manifests while the link is full',
    figures: [...figures, filled],
    targets: [],
    samples: { meridian: samples },
  };
}

async function oneRound(context: Context, regions: MeridianRegions, round: number): Promise<Sample> {
  const { generator, progress } = context;
  const [other] = regions.others;
  if (other === undefined) throw new Error('There is no other region.');
  progress.step('an idle link');
  await generator.prepare({ registry: other.registry, work: questions(context.quick ? 1_000 : 3_000) });
  const idle = await generator.go();
  const large: PlannedImage = planImage({
    ...{ repository: REPOSITORY, tag: `large${round}`, seed: `${context.seed}/busy/${round}` },
    layerBytes: Array.from({ length: 4 }, () => sizeOf(context) / 4),
  });
  await pushed(context, regions.origin, { kind: 'push-images', images: [large], connections: 2 });
  progress.step('a full link');
  const before = regions.wanBytes(0);
  const linkMs = (sizeOf(context) * 8) / (PROFILE.megabits * 1_000);
  // Not to the end of the copy: its last part leaves room.
  await generator.prepare({ registry: other.registry, work: questions(0.6 * linkMs) });
  const full = await generator.go();
  const carried = regions.wanBytes(0) - before;
  return {
    figures: {
      ...latencies(idle.latency, idle.others?.[0]?.latency ?? [], ''),
      ...latencies(full.latency, full.others?.[0]?.latency ?? [], ', link full'),
      'of the link': ((carried * 8) / (full.seconds * PROFILE.megabits * 1e6)) * 100,
    },
    problems: { ...full.problems, ...full.others?.[0]?.problems },
  };
}

function latencies(known: HistogramCounts, absent: HistogramCounts, suffix: string): Record<string, number> {
  const of = (what: string, counts: HistogramCounts): Record<string, number> => ({
    [`${what}, p50${suffix}`]: Histogram.from(counts).quantile(0.5),
    [`${what}, p99${suffix}`]: Histogram.from(counts).quantile(0.99),
  });
  return { ...of('known', known), ...of('not there', absent) };
}

function questions(durationMs: number): Work {
  const ask = (tag: string, status: number): Work => ({
    ...{ kind: 'requests', order: [0], connections: 4, durationMs, pauseMs: PAUSE_MS },
    requests: [
      {
        ...{ method: 'GET', path: `/v2/${REPOSITORY}/manifests/${tag}`, status },
        headers: { accept: OCI_MANIFEST },
      },
    ],
  });
  return { kind: 'together', parts: [ask(KNOWN, 200), ask(ABSENT, 404)] };
}
