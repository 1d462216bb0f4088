import type { Storage } from '#libs/rpc/contracts.ts';
import type { Content } from '../catalog/collaborators.ts';

/** Blobs that are asked for in one Stat. */
const PAGE = 500;

/** Those of the content that the storage does not hold with the size named. */
export async function missingOf(
  content: readonly Content[],
  storage: Pick<Storage, 'stat'>,
  signal: AbortSignal,
): Promise<Content[]> {
  const missing: Content[] = [];
  for (let from = 0; from < content.length; from += PAGE) {
    const page = content.slice(from, from + PAGE);
    const { blobs } = await storage.stat({ digests: page.map(({ digest }) => digest) }, { signal });
    const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]));
    missing.push(...page.filter(({ digest, size }) => sizes.get(digest) !== size));
  }
  return missing;
}
