import type { RepositoryName } from '#libs/oci/name.ts';
import type { Reclaim, Scrub, Storage } from '#libs/rpc/contracts.ts';
import { surveyMissing, type Survey, type WantedBlob } from '../transfer/missing.ts';
import { fetchMissing, fetchPinned, type FetchingOptions } from './fetch-broken.ts';
import { pinnedIn } from './pinned.ts';
import { recheck } from './recheck.ts';
import { note, type HealingReport, type HealingScope } from './report.ts';

export interface HealOptions extends FetchingOptions {
  readonly storage: Pick<Storage, 'stat' | 'stats'>;
  readonly reclaim: Pick<Reclaim, 'listPins'>;
  readonly scrub: Pick<Scrub, 'verify' | 'lostPins'>;
  /** What the region should hold, or what of a repository it should. */
  readonly wanted: (repository: RepositoryName | undefined) => Iterable<WantedBlob>;
  /** Whether a manifest of the repository names the blob, which is then wanted anyway. */
  readonly isOwned: (repository: RepositoryName, digest: string) => boolean;
}

/** Digests of one call to the storage. */
const PAGE = 500;
/** Damaged blobs whose repair is looked after; more are repaired all the same, by the reconcile loop. */
const MAX_FOLLOWED = 10_000;

/** One verification or repair; `report` tells how far it is. */
export async function heal(
  scope: HealingScope,
  report: HealingReport,
  options: HealOptions,
  signal: AbortSignal,
): Promise<void> {
  const broken = new Set<string>();
  let survey = await compare(scope, report, broken, options, signal);
  if (scope.work === 'verify') {
    await verify(scope, report, broken, options, signal);
    survey = await compare(scope, report, broken, options, signal);
  } else {
    report.checked = report.total = survey.wanted.blobs;
    report.bytes = survey.wanted.bytes;
  }
  await fetchMissing(survey, report, options, signal);
  await fetchPinned(scope, survey, report, broken, options, signal);
  for (const page of pagesOf(broken)) {
    const { blobs } = await options.storage.stat({ digests: page }, { signal });
    report.repaired += blobs.length;
  }
}

async function verify(
  { repository }: HealingScope,
  report: HealingReport,
  broken: Set<string>,
  { storage, scrub, reclaim, wanted, isOwned }: HealOptions,
  signal: AbortSignal,
): Promise<void> {
  const look = async (digests: string[]): Promise<void> => {
    for await (const { checked, bytes, damaged } of scrub.verify({ digests }, { signal })) {
      report.checked += checked;
      report.bytes += bytes;
      for (const { digest } of damaged) {
        note(report, 'damaged', digest);
        if (broken.size < MAX_FOLLOWED) broken.add(digest);
      }
    }
  };
  if (repository === undefined) {
    report.total = (await storage.stats({}, { signal })).blobs;
    await look([]);
    return;
  }
  for (const _ of wanted(repository)) report.total += 1;
  for (const page of pagesOf(digestsOf(wanted(repository)))) await look(page);
  let pinned: string[] = [];
  for await (const digest of pinnedIn(reclaim, repository, signal)) {
    if (isOwned(repository, digest)) continue;
    report.total += 1;
    if (pinned.push(digest) < PAGE) continue;
    await look(pinned);
    pinned = [];
  }
  if (pinned.length > 0) await look(pinned);
}

/** Notes what is wanted and not held, once. */
async function compare(
  { repository }: HealingScope,
  report: HealingReport,
  broken: Set<string>,
  { storage, scrub, wanted }: HealOptions,
  signal: AbortSignal,
): Promise<Survey> {
  const look = async (digests: readonly string[]): Promise<void> => {
    for (const { digest } of await recheck(scrub, digests, signal)) {
      note(report, 'damaged', digest);
      broken.add(digest);
    }
  };
  const survey = await surveyMissing(wanted(repository), storage, look, signal);
  for (const { digest } of survey.work) {
    if (broken.has(digest)) continue;
    note(report, 'missing', digest);
    broken.add(digest);
  }
  return survey;
}

function* digestsOf(blobs: Iterable<WantedBlob>): Generator<string, void, undefined> {
  for (const { digest } of blobs) yield digest;
}

function* pagesOf(digests: Iterable<string>): Generator<string[], void, undefined> {
  let page: string[] = [];
  for (const digest of digests) {
    page.push(digest);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
