import type { RepositoryRecord, Settings } from '../records.ts';
import type { NamedRegion, RegionView, RepositoryView, UnownedView } from './view.ts';

/** Repositories whose records are kept; pushes and pulls under way are of fewer. */
const MAX_REPOSITORIES = 1_000;

export interface KeptRecords
  extends Pick<RepositoryView, 'repository' | 'defaults'>, Pick<RegionView, 'regions'> {
  /** Whether anything is named without being owned. */
  hasUnowned(): boolean;
  /** To be called after each change of the view, before anyone hears of it. */
  forget(): void;
}

/** What each request looks at several times, read and decoded once between two changes of the view. */
export function keepRecords(
  tables: () => {
    readonly repositories: RepositoryView;
    readonly regions: RegionView;
    readonly unowned: UnownedView;
  },
): KeptRecords {
  const repositories = new Map<string, RepositoryRecord | undefined>();
  let defaults: { readonly record: Settings | undefined } | undefined;
  let regions: readonly NamedRegion[] | undefined;
  let unowned: boolean | undefined;
  return {
    repository: (name) => {
      const known = repositories.get(name);
      if (known !== undefined || repositories.has(name)) return known;
      if (repositories.size >= MAX_REPOSITORIES) repositories.clear();
      const record = tables().repositories.repository(name);
      repositories.set(name, record);
      return record;
    },
    defaults: () => (defaults ??= { record: tables().repositories.defaults() }).record,
    regions: () => (regions ??= tables().regions.regions()),
    hasUnowned: () => (unowned ??= tables().unowned.unowned(undefined, 1).length > 0),
    forget: () => {
      repositories.clear();
      defaults = undefined;
      regions = undefined;
      unowned = undefined;
    },
  };
}
