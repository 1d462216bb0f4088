import type { Catalog, Operations, Scrub, Storage, Transfer, Uploads } from '#libs/rpc/contracts.ts';
import type { Authentication } from './auth/authentication.ts';
import type { Announce } from './announce.ts';
import type { CatalogCache } from './cache/catalog-cache.ts';
import type { ContentReader } from './content/reader.ts';
import type { LocalFiles } from './content/local-files.ts';
import type { Membership } from './membership.ts';
import type { PlacementRules } from './placement.ts';
import type { Verification } from './content/verification.ts';
import type { FrontendSettings } from './settings.ts';

/** The services of the front end's own region, or what takes their place. */
export interface Collaborators {
  readonly storage: Storage;
  /** Uploads that lie in this region. */
  readonly uploads: Uploads;
  /** Uploads that lie in other regions, carried there. */
  readonly remoteUploads: Uploads;
  readonly catalog: Catalog;
  readonly transfer: Transfer;
  /** Gives bytes of other regions while storage is away. */
  readonly elsewhere: Pick<Transfer, 'relay'>;
  /** Those of all regions, carried there. */
  readonly operations: Operations;
  /** Looks at blobs of this region that turned out to be damaged. */
  readonly scrub: Pick<Scrub, 'verify'>;
}

/** What the handlers of all resources work with. */
export interface Frontend extends Collaborators {
  readonly region: string;
  readonly settings: FrontendSettings;
  readonly cache: CatalogCache;
  readonly membership: Membership;
  readonly placement: PlacementRules;
  readonly content: ContentReader;
  readonly files: LocalFiles;
  readonly verification: Verification;
  readonly announce: Announce;
  /** Undefined where it is off: everyone may do everything. */
  readonly authentication: Authentication | undefined;
}
