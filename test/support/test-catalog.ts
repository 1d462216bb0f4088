import { isPlaced } from '#libs/placement.ts';
import type { RegionAddress } from '#services/replication/peers/remote-region.ts';
import type { WantedBlob } from '#services/replication/transfer/missing.ts';
import type { ChangedManifest } from '#services/replication/transfer/pace.ts';
import type { WantedCatalog } from '#services/replication/transfer/start-transfer.ts';

/** What the catalog would say in all regions. */
export class TestCatalog implements WantedCatalog {
  readonly records = new Map<string, RegionAddress>();
  readonly blobs: WantedBlob[] = [];
  #revision = 1;
  readonly #listeners = new Set<(manifests: readonly ChangedManifest[] | undefined) => void>();

  catalogId(): string {
    return 'test';
  }
  revision(): number {
    return this.#revision;
  }
  epoch(): number {
    return 0;
  }
  regions(): Iterable<RegionAddress> {
    return this.records.values();
  }
  wanted(manifests: readonly ChangedManifest[] | undefined): Iterable<WantedBlob> {
    if (manifests === undefined) return this.blobs;
    const changed = new Set<string>(manifests.map(({ digest }) => digest));
    return this.blobs.filter(({ digest }) => changed.has(digest));
  }
  async narrow(): Promise<undefined> {
    return undefined;
  }
  peersAsked(): number {
    return 1;
  }
  /** Where the content of repositories may be, by their names. */
  readonly placements = new Map<string, readonly string[]>();
  placement(repository: string): readonly string[] {
    return this.placements.get(repository) ?? [];
  }
  placesAnything(): boolean {
    return this.placements.size > 0;
  }
  /** The regions that content was pushed to a short while ago, by digest. */
  readonly pushed = new Map<string, string>();
  pushedLatelyTo(_repository: string, digest: string): string | undefined {
    return this.pushed.get(digest);
  }
  mayGo(digest: string, region: string, pinners: readonly string[]): boolean {
    const owners = this.blobs.filter((blob) => blob.digest === digest).map(({ repository }) => repository);
    return [...owners, ...pinners].some((repository) => isPlaced(this.placement(repository), region));
  }
  subscribe(listener: (manifests: readonly ChangedManifest[] | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  change(manifests?: readonly ChangedManifest[]): void {
    this.#revision += 1;
    for (const listener of this.#listeners) listener(manifests);
  }
}
