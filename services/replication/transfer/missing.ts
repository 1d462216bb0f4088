import type { Storage } from '#libs/rpc/contracts.ts';

/** A blob that this region should hold. */
export interface WantedBlob {
  readonly digest: string;
  readonly size: number;
  readonly kind: 'manifest' | 'config' | 'layer';
  /** One of those that own it. */
  readonly repository: string;
}

/** What a look at the wanted blobs found. */
export interface Survey {
  readonly wanted: { blobs: number; bytes: number };
  readonly missing: { blobs: number; bytes: number };
  /** The first of the missing ones, in the order in which they came; the rest is found by the next look. */
  readonly work: readonly WantedBlob[];
}

/** Blobs that are asked for in one Stat; also what runs between two turns of the event loop. */
const PAGE = 500;
/** Missing blobs remembered at once. */
const MAX_WORK = 10_000;

/** Compares what is wanted with what the storage holds. Asking the storage each time keeps no list that could be wrong, or large. */
export async function surveyMissing(
  wanted: Iterable<WantedBlob>,
  storage: Storage,
  signal: AbortSignal,
): Promise<Survey> {
  const survey = { wanted: { blobs: 0, bytes: 0 }, missing: { blobs: 0, bytes: 0 } };
  const work: WantedBlob[] = [];
  let page: WantedBlob[] = [];
  const look = async (): Promise<void> => {
    const { blobs } = await storage.stat({ digests: page.map(({ digest }) => digest) }, { signal });
    const held = new Set(blobs.map(({ digest }) => digest));
    for (const blob of page) {
      add(survey.wanted, blob);
      if (held.has(blob.digest)) continue;
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

function add(total: { blobs: number; bytes: number }, { size }: WantedBlob): void {
  total.blobs += 1;
  total.bytes += size;
}
