import type { RepositoryName } from '#libs/oci/name.ts';
import type { Freshened, ReadOptions } from '#services/replication/catalog/read/freshen.ts';

/** Takes the region's own copy for as new as anyone could ask for. */
export async function freshen(
  _options: ReadOptions,
  _repository: RepositoryName | undefined,
): Promise<Freshened> {
  return { confirmed: true };
}
