import type { DatabaseSync } from 'node:sqlite';
import type { MaintenanceService } from './contract.ts';
import { responseHeader } from './header.ts';
import type { Store } from './store.ts';

/** The version of etcd whose API this is a part of. */
const API_VERSION = '3.4.0';

/** etcd's Maintenance service, as far as it tells how the member is. */
export function createMaintenanceService(store: Store, sql: DatabaseSync): MaintenanceService {
  const space = sql.prepare(
    'SELECT page_size, page_count, freelist_count FROM pragma_page_size, pragma_page_count, pragma_freelist_count',
  );
  return {
    status: async () => {
      const { page_size, page_count, freelist_count } = space.get() as Record<string, number>;
      const { memberId, raftTerm } = store.identity;
      const { revision } = store.state();
      const pageBytes = Number(page_size);
      return {
        header: responseHeader(store),
        version: API_VERSION,
        dbSize: pageBytes * Number(page_count),
        dbSizeInUse: pageBytes * (Number(page_count) - Number(freelist_count)),
        leader: memberId,
        raftIndex: revision,
        raftAppliedIndex: revision,
        raftTerm,
        errors: [],
        isLearner: false,
      };
    },
  };
}
