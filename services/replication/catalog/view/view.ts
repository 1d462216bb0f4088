import type { AuthKind } from '#libs/auth/records.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Tag } from '#libs/oci/tag.ts';
import type { Placement } from '#libs/placement.ts';
import type { BlobOwners, Content } from '../collaborators.ts';
import type { ManifestRecord } from '../manifest-record.ts';
import type { RegionRecord, RepositoryRecord, Settings } from '../records.ts';

/*
 * This process's own copy of the catalog, as others may read it. All calls answer at once from SQLite, whether or not etcd can be
 * reached; what they give is the catalog exactly as it was at `position`. Iterators read page by page: what they give later may be newer.
 */

export interface ViewPosition {
  /** Empty while nothing has been loaded yet. */
  readonly catalogId: string;
  /** Of the newest catalog transaction that is in the view; comparable with `catalog/head`. */
  readonly revision: number;
}

export interface ViewState {
  position(): ViewPosition;
  /** Calls `listener` after each change, in the turn that made it; give the function back to stop. */
  subscribe(listener: (change: ViewChange) => void): () => void;
}

export interface ViewChange {
  readonly position: ViewPosition;
  /** The whole view is another one; the lists are empty. */
  readonly reset: boolean;
  readonly tags: readonly { readonly repository: RepositoryName; readonly tag: Tag }[];
  /** Put or removed. */
  readonly manifests: readonly { readonly repository: RepositoryName; readonly digest: Digest }[];
  /** What the changed manifests are and own, or owned before: whether it is wanted may have changed. */
  readonly content: readonly Digest[];
  /** Whose settings or state changed, or that gave a blob up. */
  readonly repositories: readonly RepositoryName[];
  /** Put or removed. */
  readonly auth: readonly AuthChange[];
  readonly regions: boolean;
  /** The settings of repositories that have none of their own. */
  readonly defaults: boolean;
  /** Where content may be, and so what regions should hold. */
  readonly placements: boolean;
}

export interface TagView {
  tag(repository: RepositoryName, tag: Tag): TagRow | undefined;
  /** Up to `limit` tags after `last` (exclusive; '' from the start), in byte order. */
  tags(repository: RepositoryName, last: string, limit: number): Tag[];
  /** The tags that point to the digest, with their mod revisions. */
  tagsOf(repository: RepositoryName, digest: Digest): { readonly tag: Tag; readonly modRevision: number }[];
}

export interface TagRow {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  readonly modRevision: number;
}

export interface ManifestView {
  manifest(repository: RepositoryName, digest: Digest): ManifestRecord | undefined;
  /** Up to `limit` manifests after the digest `last`, by digest. */
  manifests(
    repository: RepositoryName,
    last: string,
    limit: number,
  ): { readonly digest: Digest; readonly record: ManifestRecord }[];
  /** Up to `limit` manifests with that subject after the digest `last`, by digest; all artifact types where it is ''. */
  referrers(
    repository: RepositoryName,
    subject: Digest,
    page: { readonly artifactType: string; readonly last: string; readonly limit: number },
  ): { readonly digest: Digest; readonly record: ManifestRecord }[];
}

export interface OwnershipView {
  /** The size of content that the repository owns: a manifest of its own, or named as owned by one. */
  owns(repository: RepositoryName, digest: Digest): number | undefined;
  /** Up to `limit` manifests of the repository that own the content, by digest. */
  namedBy(repository: RepositoryName, digest: Digest, limit: number): Digest[];
  /** Up to `limit` repositories that own the content, by name, and its size; not those being deleted. */
  owners(digest: Digest, limit: number): BlobOwners;
  /** The size of a manifest of the repository. */
  manifestSize(repository: RepositoryName, digest: Digest): number | undefined;
  /**
   * All that these manifests of the repository stand for, each digest once: their own bytes, what they own, and of indexes the same of
   * their children. Digests that are no manifest of the repository are left out. Throws TOO_LARGE beyond MAX_CLOSURE_BLOBS.
   */
  closure(repository: RepositoryName, manifests: readonly Digest[]): Content[];
}

/** Content that a manifest names although its repository did not have it; foreign layers are left out. */
export interface Unowned {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** The size that the manifest names. */
  readonly size: number;
  /** It is named as a manifest. */
  readonly isManifest: boolean;
  readonly namedBy: Digest;
}

export interface UnownedView {
  /** Up to `limit` after `last`, by repository, digest and the manifest that names it. */
  unowned(last: Pick<Unowned, 'repository' | 'digest' | 'namedBy'> | undefined, limit: number): Unowned[];
  /** All that one manifest names so. */
  unownedBy(repository: RepositoryName, manifest: Digest): Unowned[];
  /** The manifests of the repository, up to `limit`, that name the content so. */
  unownedAs(repository: RepositoryName, digest: Digest, limit: number): Unowned[];
}

export interface RepositoryView {
  repository(name: RepositoryName): RepositoryRecord | undefined;
  /** The settings of repositories that have none of their own; undefined where none were ever set. */
  defaults(): Settings | undefined;
  /** Up to `limit` repositories after `last`, in byte order; not those being deleted. */
  repositories(last: string, limit: number): RepositoryName[];
  /** All repositories with regions of their own, by name. */
  placed(): { readonly repository: RepositoryName; readonly regions: Placement }[];
}

export interface RegionView {
  /** By name. */
  regions(): readonly NamedRegion[];
  /** The region's collection epoch as the catalog has it. */
  epoch(region: string): number | undefined;
}

export interface AuthChange {
  /** `state`: whether there is an administrator. */
  readonly kind: AuthKind | 'state';
  readonly name: string;
}

export interface AuthView {
  /** Undefined where there is none. */
  authRow(kind: AuthKind, name: string): AuthRow | undefined;
  /** All of them. */
  authRows(): AuthRow[];
  /** Whether the first administrator has been made. */
  isAdministered(): boolean;
}

export interface AuthRow {
  readonly kind: AuthKind;
  readonly name: string;
  /** As it is in etcd: JSON. */
  readonly record: Uint8Array;
  readonly modRevision: number;
}

export interface NamedRegion extends RegionRecord {
  readonly name: string;
}

export interface NamedView {
  /** Those of the digests that are manifests or owned by one, in whatever repository. */
  named(digests: readonly Digest[]): Set<Digest>;
  /** Up to `limit` manifests that the digest belongs to, itself if it is one. */
  namersOf(
    digest: Digest,
    limit: number,
  ): { readonly repository: RepositoryName; readonly manifest: Digest }[];
}

export interface WantedView {
  /**
   * Everything that a region should hold: each manifest's bytes and all owned content, each digest once; manifests first, then configs, then
   * the rest. Every active region should hold everything that may be in it; a draining one need get nothing new.
   */
  wantedBlobs(region: string): Generator<WantedBlob, void, undefined>;
  /** What of it has a digest that begins with these hexadecimal digits, one at least. */
  wantedUnder(region: string, prefix: string): WantedBlob[];
  /** What of it is due to one manifest: its bytes and what it owns; nothing if the repository has no such manifest. */
  wantedOf(repository: RepositoryName, manifest: Digest): WantedBlob[];
  /** What of it is due to one repository: its manifests' bytes and what they own, by digest. */
  wantedIn(region: string, repository: RepositoryName): Generator<WantedBlob, void, undefined>;
}

export interface WantedBlob extends Content {
  readonly kind: 'manifest' | 'config' | 'layer';
  /** One of those that own it. */
  readonly repository: RepositoryName;
}

export interface View
  extends
    ViewState,
    TagView,
    ManifestView,
    OwnershipView,
    UnownedView,
    RepositoryView,
    RegionView,
    AuthView,
    NamedView,
    WantedView {}

/** Most pieces of content below one manifest, index children included. */
export const MAX_CLOSURE_BLOBS = 50_000;
