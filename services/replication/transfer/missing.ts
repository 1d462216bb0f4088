import type { Storage } from '#libs/rpc/contracts.ts';

/** A blob that this region should hold. */
export interface WantedBlob {
  readonly digest: string;
  readonly size: number;
  readonly kind: 'manifest' | 'config' | 'layer';
  /** One of those that own it. */
  readonly repository: string;
}

/** `manifests` are some of the blobs. */
export interface Totals {
  blobs: number;
  bytes: number;
  manifests: number;
}

export function noTotals(): Totals {
  return { blobs: 0, bytes: 0, manifests: 0 };
}

/** All that is wanted, and the part of it among which everything is that is not held. */
export interface Narrowed {
  readonly wanted: Totals;
  /** Manifests first, then configs, then layers. */
  readonly doubtful: readonly WantedBlob[];
}

/** What a look at the wanted blobs found. */
export interface Survey {
  readonly wanted: Totals;
  readonly missing: Totals;
  /** The first of the missing ones, in the order in which they came; the rest is found by the next look. */
  readonly work: readonly WantedBlob[];
}

/** Blobs that are asked for in one Stat; also what runs between two turns of the event loop. */
const PAGE = 500;
/** Missing blobs remembered at once. */
const MAX_WORK = 10_000;

/** Has the storage look at blobs at once; those that are damaged are not held any more. */
export type Recheck = (digests: readonly string[], signal: AbortSignal) => Promise<unknown>;

/** Compares what is wanted with what the storage holds; what it holds with another size, it looks at first. Asking the storage each time keeps no list that could be wrong, or large. */
export async function surveyMissing(
  wanted: Iterable<WantedBlob>,
  storage: Pick<Storage, 'stat'>,
  recheck: Recheck,
  signal: AbortSignal,
): Promise<Survey> {
  const survey = { wanted: noTotals(), missing: noTotals() };
  const work: WantedBlob[] = [];
  let page: WantedBlob[] = [];
  const look = async (): Promise<void> => {
    const { blobs } = await storage.stat({ digests: digestsOf(page) }, { signal });
    const held = new Map(blobs.map(({ digest, size }) => [digest, size]));
    const isWrong = ({ digest, size }: WantedBlob): boolean => (held.get(digest) ?? size) !== size;
    const wrong = page.filter(isWrong);
    if (wrong.length > 0) await recheck(digestsOf(wrong), signal);
    for (const blob of page) {
      add(survey.wanted, blob);
      if (held.get(blob.digest) === blob.size) continue;
      add(survey.missing, blob);
      if (work.length < MAX_WORK) work.push(blob);
    }
    page = [];
  };
  for (const blob of wanted) {
    page.push(blob);
    if (page.length === PAGE) await look();
  }
  if (page.length > 0) await look();
  return { ...survey, work };
}

function digestsOf(blobs: readonly WantedBlob[]): string[] {
  return blobs.map(({ digest }) => digest);
}

/** `times` -1 takes it off again. */
export function add(total: Totals, { size, kind }: WantedBlob, times: 1 | -1 = 1): void {
  total.blobs += times;
  total.bytes += times * size;
  if (kind === 'manifest') total.manifests += times;
}
