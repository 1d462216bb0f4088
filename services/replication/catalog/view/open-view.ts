import { renameSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { WatchEvent } from '#libs/etcd/store.ts';
import { placedHere, placementsOf, type PlacedHere } from '../placement.ts';
import { createApplier } from './apply.ts';
import { authRows } from './auth-rows.ts';
import { ownershipRows, wantedByPrefix, wantedOfManifest, wantedRows } from './content-rows.ts';
import { repositoryContentRows } from './repository-content-rows.ts';
import { inTransaction, openDatabase, removeDatabase } from './database.ts';
import { keepRecords } from './kept-records.ts';
import { createMeta } from './meta.ts';
import { namingRows } from './naming-rows.ts';
import { manifestRows, regionRows, repositoryRows, tagRows } from './rows.ts';
import { unownedRows } from './unowned-rows.ts';
import type { View, ViewChange, ViewPosition, WantedBlob } from './view.ts';

/** The view with the calls that change it: for whoever feeds it, and for nobody else. */
export interface FedView extends View {
  /** What a watch needs to go on: the last applied event, and the head that was there then. */
  resumption(): { readonly appliedRevision: number; readonly headRevision: number; readonly headId: string };
  /** Takes whole revisions, in order, up to and including `revision`; all of it or, if it throws, nothing. */
  apply(events: readonly WatchEvent[], revision: number): void;
  /** Where a new view is to be loaded into, as a file of its own. */
  readonly loadPath: string;
  /** Puts the closed file at `loadPath` in the place of the present one and tells followers to start afresh. */
  swap(): void;
  freshAtMs(): number;
  setFreshAtMs(time: number): void;
  close(): void;
}

const WANTED_PAGE = 500;

const NOTHING = { tags: [], manifests: [], content: [], repositories: [], auth: [] };

/** Opens the view kept in `dataDir`, an existing directory. One process at a time can have it open. */
export function openView(dataDir: string): FedView {
  const path = join(dataDir, 'view.sqlite');
  const loadPath = join(dataDir, 'view-loading.sqlite');
  let tables = openTables(path);
  // Left by a process that ended while loading; only the one that has the view open may touch it.
  removeDatabase(loadPath);
  let position = positionOf(tables);
  const listeners = new Set<(change: ViewChange) => void>();

  const placedIn = (region: string): PlacedHere =>
    placedHere({ ...tables.repositories, ...records, ...tables.ownership }, region);
  let placements = placementsOf(tables.repositories);
  const records = keepRecords(() => tables);

  const notify = (change: Omit<ViewChange, 'position' | 'placements'>): void => {
    const { catalogId } = position;
    records.forget();
    position = positionOf(tables);
    const placedBefore = placements;
    if (change.reset || change.defaults || change.repositories.length > 0) {
      placements = placementsOf(tables.repositories);
    }
    // Someone emptied etcd and began again while this view was watching: nothing said before holds.
    const reset = change.reset || catalogId !== position.catalogId;
    const told = { ...change, reset, position, placements: placements !== placedBefore };
    for (const listener of [...listeners]) listener(told);
  };

  return {
    loadPath,
    position: () => position,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    resumption: () => {
      const { revision, id } = tables.meta.head();
      return { appliedRevision: tables.meta.applied(), headRevision: revision, headId: id };
    },
    apply: (events, revision) => {
      const change = inTransaction(tables.db, () => {
        tables.meta.setApplied(revision);
        return tables.applier(events);
      });
      notify({ ...change, reset: false });
    },
    swap: () => {
      // Closing removes the write-ahead log, which must not meet the new file.
      tables.db.close();
      renameSync(loadPath, path);
      tables = openTables(path);
      notify({ reset: true, ...NOTHING, regions: true, defaults: true });
    },
    freshAtMs: () => tables.meta.freshAtMs(),
    setFreshAtMs: (time) => tables.meta.setFreshAtMs(time),
    close: () => tables.db.close(),

    tag: (...key) => tables.tags.tag(...key),
    tags: (...page) => tables.tags.tags(...page),
    tagsOf: (...key) => tables.tags.tagsOf(...key),
    manifest: (...key) => tables.manifests.manifest(...key),
    manifests: (...page) => tables.manifests.manifests(...page),
    referrers: (...page) => tables.manifests.referrers(...page),
    owns: (...key) => tables.ownership.owns(...key),
    namedBy: (...key) => tables.ownership.namedBy(...key),
    owners: (...key) => tables.ownership.owners(...key),
    manifestSize: (...key) => tables.ownership.manifestSize(...key),
    closure: (...key) => tables.ownership.closure(...key),
    unowned: (...page) => tables.unowned.unowned(...page),
    unownedBy: (...key) => tables.unowned.unownedBy(...key),
    unownedAs: (...key) => (records.hasUnowned() ? tables.unowned.unownedAs(...key) : []),
    repository: records.repository,
    defaults: records.defaults,
    placed: () => tables.repositories.placed(),
    repositories: (...page) => tables.repositories.repositories(...page),
    regions: records.regions,
    epoch: (region) => tables.regions.epoch(region),
    authRow: (...key) => tables.auth.authRow(...key),
    authRows: () => tables.auth.authRows(),
    isAdministered: () => tables.auth.isAdministered(),
    named: (digests) => tables.naming.named(digests),
    namersOf: (...key) => tables.naming.namersOf(...key),
    wantedUnder: (region, prefix) => {
      const placed = placedIn(region);
      return tables.wantedUnder(region, prefix).filter((blob) => placed.wants(blob));
    },
    wantedOf: (...key) => tables.wantedOf(...key),
    wantedIn: function* (region, repository) {
      if (!placedIn(region).repository(repository)) return;
      let page: WantedBlob[];
      let last = '';
      do {
        page = tables.wantedIn(repository, last, WANTED_PAGE);
        yield* page;
        last = page.at(-1)?.digest ?? last;
      } while (page.length === WANTED_PAGE);
    },
    wantedBlobs: function* (region) {
      const placed = placedIn(region);
      for (const kind of ['manifest', 'config', 'layer'] as const) {
        let page: WantedBlob[];
        let last = '';
        do {
          page = tables.wanted(kind, last, WANTED_PAGE);
          yield* page.filter((blob) => placed.wants(blob));
          last = page.at(-1)?.digest ?? last;
        } while (page.length === WANTED_PAGE);
      }
    },
  };
}

interface Tables extends ReturnType<typeof prepareTables> {
  readonly db: DatabaseSync;
}

function openTables(path: string): Tables {
  const db = openDatabase(path);
  return { db, ...prepareTables(db) };
}

function prepareTables(db: DatabaseSync) {
  return {
    meta: createMeta(db),
    applier: createApplier(db),
    tags: tagRows(db),
    manifests: manifestRows(db),
    ownership: ownershipRows(db),
    repositories: repositoryRows(db),
    regions: regionRows(db),
    auth: authRows(db),
    unowned: unownedRows(db),
    naming: namingRows(db),
    wanted: wantedRows(db),
    wantedUnder: wantedByPrefix(db),
    wantedOf: wantedOfManifest(db),
    wantedIn: repositoryContentRows(db),
  };
}

function positionOf({ meta }: Tables): ViewPosition {
  return { catalogId: meta.catalogId(), revision: meta.head().revision };
}
