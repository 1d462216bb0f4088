import type { Compare } from '#libs/etcd/store.ts';
import type { EffectiveSettings } from '../configure/effective.ts';
import type { RegionRecord } from '../records.ts';

/** A key as it was read: its mod revision must be the same at commit. */
export interface ReadKey {
  readonly key: string;
  readonly modRevision: number;
}

/** The state of the catalog that a push builds on. */
export interface Prepared {
  readonly catalogId: string;
  /** There is no such repository yet. */
  readonly isNew: boolean;
  readonly settings: EffectiveSettings;
  readonly regions: readonly (RegionRecord & { readonly name: string })[];
  /** What must not have changed when the push commits. */
  readonly unchanged: readonly ReadKey[];
  /** What must not be newer then than the view that it was taken from; none where all was read. */
  readonly notNewer: readonly Compare[];
}
