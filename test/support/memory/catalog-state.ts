import type { Settings } from '#services/replication/catalog/records.ts';
import type { Manifest } from '#libs/oci/manifest.ts';
import type { ClusterRegion } from '#types/meridian/v1/ClusterRegion.ts';

/** What the catalog knows of one manifest. */
export interface ManifestRecord {
  readonly digest: string;
  readonly size: number;
  readonly manifest: Manifest;
  /** Digests and sizes that the repository owned at commit. */
  readonly owned: ReadonlyMap<string, number>;
}

export interface RepositoryRecord {
  readonly manifests: Map<string, ManifestRecord>;
  readonly tags: Map<string, string>;
}

/** One committed transaction. */
export interface Change {
  readonly revision: number;
  readonly repository: string;
  readonly put?: ManifestRecord;
  readonly remove?: string;
  /** The repository's settings changed or, where its name is empty, the defaults. */
  readonly settings?: true;
  /** The digest of a blob that the repository has given up. */
  readonly givenUp?: string;
  readonly tags: readonly { readonly tag: string; readonly digest: string | undefined }[];
}

export type CatalogState = Map<string, RepositoryRecord>;

export function apply(state: CatalogState, change: Change): void {
  if (change.repository === '') return;
  const repository = state.get(change.repository) ?? { manifests: new Map(), tags: new Map() };
  state.set(change.repository, repository);
  if (change.put !== undefined) repository.manifests.set(change.put.digest, change.put);
  if (change.remove !== undefined) repository.manifests.delete(change.remove);
  for (const { tag, digest } of change.tags) {
    if (digest === undefined) repository.tags.delete(tag);
    else repository.tags.set(tag, digest);
  }
}

/** What etcd is to the regions: the order of all changes, and the state they add up to. */
export class MemoryQuorum {
  readonly catalogId = 'memory';
  readonly regions = new Map<string, ClusterRegion>();
  readonly state: CatalogState = new Map();
  readonly changes: Change[] = [];
  /** By repository; the defaults under the empty name. */
  readonly settings = new Map<string, { readonly settings: Settings; readonly version: number }>();
  readonly #listeners = new Set<() => void>();

  get head(): number {
    return this.changes.length;
  }

  commit(change: Omit<Change, 'revision'>): Change {
    const committed = { ...change, revision: this.head + 1 };
    this.changes.push(committed);
    apply(this.state, committed);
    for (const listener of this.#listeners) listener();
    return committed;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }
}
