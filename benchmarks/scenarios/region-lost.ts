import { setTimeout as pause } from 'node:timers/promises';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { LoadResult, Work } from '../load/work.ts';
import type { Context } from '../measure/context.ts';
import type { CaseResult, Sample } from '../report/results.ts';
import { startMeridianRegions, type MeridianRegions } from '../wan/meridian-regions.ts';
import { profileText, type LinkProfile } from '../wan/profile.ts';
import { useRegions } from '../wan/use-regions.ts';
import { planImage, type PlannedImage } from '../workload/images.ts';
import { pushed } from './content.ts';
import type { Scenario } from './scenario.ts';

const PROFILE: LinkProfile = { roundTripMs: 20, megabits: 1_000 };
const REPOSITORY = 'lost/images';
const PULLED = 10;
const LAYERS = [200_000, 50_000];
/** Clients work so long before the region is lost. */
const BEFORE_MS = 1_500;
/** Enough to go on after that. */
const PUSHES = { quick: 30, full: 300 };
const WAIT = '120s';

/** A region is killed while clients of another one pull and push, and comes back. */
export const regionLost: Scenario = {
  name: 'region-lost',
  title: 'A region lost in the middle',
  notes: (context) => [
    `Three regions, ${profileText(PROFILE)} apart. Clients of one pull by tag and push images one after the other, durable in two regions; ${BEFORE_MS / 1_000} s later another region is killed. The longest pause is the longest time in which no pull, or no push, succeeded. The killed region is started again when ${pushesOf(context)} pushes are done; caught up: from then until it holds the last of them.`,
  ],
  run: async (context) => {
    context.progress.begin(regionLost.title, 3 * roundsIn(context));
    const samples: Sample[] = [];
    for (let round = 1; round <= roundsIn(context); round++)
      samples.push(
        await useRegions(context, await startMeridianRegions(PROFILE), (regions) =>
          oneRound(context, regions),
        ),
      );
    return [caseOf(samples)];
  },
};

function roundsIn({ quick, rounds }: Context): number {
  return quick ? 1 : Math.min(2, rounds);
}

function pushesOf({ quick }: Context): number {
  return quick ? PUSHES.quick : PUSHES.full;
}

function caseOf(samples: readonly Sample[]): CaseResult {
  return {
    name: 'a region is killed and comes back',
    figures: [
      { name: 'longest pause of pulls', unit: 'ms', better: 'lower' },
      { name: 'longest pause of pushes', unit: 'ms', better: 'lower', plotted: true },
      { name: 'pull errors', unit: 'requests', better: 'lower' },
      { name: 'push errors', unit: 'pushes', better: 'lower' },
      { name: 'serves again', unit: 'ms after its start', better: 'lower' },
      { name: 'caught up', unit: 'ms after its start', better: 'lower' },
    ],
    targets: [
      { figure: 'pull errors', limit: 0 },
      { figure: 'push errors', limit: 0 },
    ],
    samples: { meridian: samples },
  };
}

async function oneRound(context: Context, { cluster, origin }: MeridianRegions): Promise<Sample> {
  const { generator, progress, seed, signal } = context;
  const image = (what: string): PlannedImage =>
    planImage({ repository: REPOSITORY, tag: what, seed: `${seed}/lost/${what}`, layerBytes: LAYERS });
  const pulled = Array.from({ length: PULLED }, (_, i) => image(`pulled${i}`));
  await pushed(context, origin, { kind: 'push-images', images: pulled, connections: 3 });
  const images = Array.from({ length: pushesOf(context) }, (_, i) => image(`pushed${i}`));
  await generator.prepare({ registry: origin.registry, work: pushesAndPulls(images, pulled) });

  progress.step('pulls and pushes');
  const lost = cluster.region('eu');
  const working = generator.go();
  await pause(BEFORE_MS, undefined, { signal });
  await lost.kill();
  const result = await working;
  const [pulls] = result.others ?? [];
  if (pulls === undefined) throw new Error('There is no result of the pulls.');

  progress.step('the region comes back');
  const startedAt = performance.now();
  await lost.start();
  const servesMs = performance.now() - startedAt;
  await untilHolds(origin.registry, lost.name, images.at(-1)?.tag ?? '', signal);
  return {
    figures: {
      'longest pause of pulls': pulls.longestGapMs,
      'longest pause of pushes': result.longestGapMs,
      'pull errors': errorsOf(pulls),
      'push errors': errorsOf(result),
      'serves again': servesMs,
      'caught up': performance.now() - startedAt,
    },
    latency: result.latency,
    problems: { ...result.problems, ...pulls.problems },
  };
}

/** The pulls go on as long as the pushes do. */
function pushesAndPulls(images: readonly PlannedImage[], pulled: readonly PlannedImage[]): Work {
  return {
    kind: 'together',
    parts: [
      { kind: 'push-images', images, connections: 3 },
      {
        ...{ kind: 'requests', connections: 1, endsWithFirst: true, pauseMs: 5 },
        order: pulled.map((_, i) => i),
        requests: pulled.map(({ tag }) => ({
          ...{ method: 'GET', path: `/v2/${REPOSITORY}/manifests/${tag}`, status: 200 },
          headers: { accept: OCI_MANIFEST },
        })),
      },
    ],
  };
}

function errorsOf({ problems }: LoadResult): number {
  return Object.values(problems).reduce((sum, count) => sum + count, 0);
}

/** Until a region says that it has all that a tag stands for. */
async function untilHolds(registry: string, region: string, tag: string, signal: AbortSignal): Promise<void> {
  const url = `http://${registry}/meridian/v1/repositories/${REPOSITORY}/durability?reference=${tag}&region=${region}&wait=${WAIT}`;
  const answer = await fetch(url, { signal });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${region} has not caught up: ${text}`);
}
