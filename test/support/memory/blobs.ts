import { RegistryError } from '#libs/oci/errors.ts';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import type { MemoryQuorum, RepositoryRecord } from './catalog-state.ts';
import type { MemoryView } from './view.ts';

/** Which repositories have which blobs, by manifests and by pins; and the calls about that. */
export interface MemoryBlobs extends Pick<Catalog, 'findOwners' | 'deleteBlob'> {
  /** The size of what the repository's manifests own. */
  readonly owned: (repository: RepositoryRecord | undefined, digest: string) => number | undefined;
  /** The size of what is pinned for the repository in any region. */
  readonly pinned: (repository: string, digest: string) => Promise<number | undefined>;
}

export function memoryBlobs({
  view,
  quorum,
  storages,
}: {
  view: MemoryView;
  quorum: MemoryQuorum;
  storages: ReadonlyMap<string, Storage>;
}): MemoryBlobs {
  const owned = (repository: RepositoryRecord | undefined, digest: string): number | undefined => {
    for (const record of repository?.manifests.values() ?? []) {
      const size = record.digest === digest ? record.size : record.owned.get(digest);
      if (size !== undefined) return size;
    }
    return undefined;
  };
  const pinned = async (repository: string, digest: string): Promise<number | undefined> => {
    for (const other of storages.values()) {
      const answer = await other.pins(
        { repository, digests: [digest] },
        { signal: new AbortController().signal },
      );
      if (answer.blobs[0] !== undefined) return answer.blobs[0].size;
    }
    return undefined;
  };

  return {
    owned,
    pinned,
    findOwners: async ({ digest, limit }, { signal }) => {
      const owners = Array.from(view.state()).filter(
        ([, repository]) => owned(repository, digest) !== undefined,
      );
      const [first] = owners;
      if (first !== undefined) {
        const repositories = owners.map(([name]) => name).sort();
        return { repositories: repositories.slice(0, limit), size: owned(first[1], digest) ?? 0 };
      }
      for (const other of storages.values()) {
        const found = await other.pinOwners({ digest, limit }, { signal });
        if (found.repositories.length > 0) return found;
      }
      return { repositories: [], size: 0 };
    },
    deleteBlob: async ({ repository, digest, ifMatch }, { signal }) => {
      view.barrier();
      if (owned(quorum.state.get(repository), digest) !== undefined) {
        throw new RegistryError('UNSUPPORTED', `A manifest of ${repository} names ${digest}.`);
      }
      if ((await pinned(repository, digest)) === undefined) {
        throw new RegistryError('BLOB_UNKNOWN', `The blob ${digest} is not known in ${repository}.`);
      }
      requireMatch(digest, ifMatch, '');
      for (const other of storages.values()) await other.unpin({ repository, digests: [digest] }, { signal });
      quorum.commit({ repository, givenUp: digest, tags: [] });
      return { position: view.position() };
    },
  };
}

export function requireMatch(current: string | undefined, ifMatch: string, ifNoneMatch: string): void {
  const matches = (condition: string): boolean =>
    current !== undefined && (condition === '*' || condition === current);
  if ((ifMatch === '' || matches(ifMatch)) && (ifNoneMatch === '' || !matches(ifNoneMatch))) return;
  throw new RegistryError('PRECONDITION_FAILED', `The tag points to ${current ?? 'nothing'}.`);
}
