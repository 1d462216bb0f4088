import type { Lineage } from '#types/meridian/v1/Lineage.ts';
import type { OwnerDatabase } from './database.ts';

/** What the last collection knew of the catalog; kept with the blobs, which it must not outlive. */
export interface LineageStore {
  /** All empty where nothing was ever collected. */
  get(): Lineage;
  set(lineage: Lineage): Promise<void>;
}

export function openLineage({ database, commits }: OwnerDatabase): LineageStore {
  const select = database.prepare("SELECT value FROM meta WHERE key = 'lineage'");
  const replace = database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('lineage', ?)");
  return {
    get: () => {
      const text = select.get()?.['value'] as string | undefined;
      return text === undefined ? { catalogId: '', revision: 0, headId: '' } : (JSON.parse(text) as Lineage);
    },
    set: ({ catalogId, revision, headId }) =>
      commits.run(() => void replace.run(JSON.stringify({ catalogId, revision, headId }))),
  };
}
