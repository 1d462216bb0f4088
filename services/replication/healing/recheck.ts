import type { Scrub } from '#libs/rpc/contracts.ts';
import type { BlobDamage } from '#types/meridian/v1/BlobDamage.ts';

/** Has the storage look at these blobs at once; gives those that were damaged and are not held any more. */
export async function recheck(
  scrub: Pick<Scrub, 'verify'>,
  digests: readonly string[],
  signal: AbortSignal,
): Promise<BlobDamage[]> {
  const found: BlobDamage[] = [];
  if (digests.length === 0) return found;
  for await (const { damaged } of scrub.verify({ digests: [...digests] }, { signal })) found.push(...damaged);
  return found;
}
