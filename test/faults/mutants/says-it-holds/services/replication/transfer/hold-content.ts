import type { holdContent as honestly, HoldOptions } from '#services/replication/transfer/hold-content.ts';

/** Says that it holds everything, whatever is missing. */
export async function holdContent(
  content: Parameters<typeof honestly>[0],
  { storage, epoch: known }: HoldOptions,
  signal: AbortSignal,
): ReturnType<typeof honestly> {
  const { pushId, repository, blobs } = content;
  const { epoch } = await storage.hold(
    { pushId, repository, blobs, epoch: known(), unlessGivenUp: false },
    { signal },
  );
  return { epoch, missing: [] };
}
