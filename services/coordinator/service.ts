import { createRpcServer } from '#libs/rpc/server.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import { createClusterService } from './cluster-service.ts';
import {
  clusterContract,
  kvContract,
  leaseContract,
  maintenanceContract,
  watchContract,
} from './contract.ts';
import { openDatabase } from './database.ts';
import { createKvService } from './kv-service.ts';
import { createLeaseService } from './lease-service.ts';
import { openLeaseTable } from './lease-table.ts';
import { openLeases } from './leases.ts';
import { createMaintenanceService } from './maintenance-service.ts';
import { openStore } from './store.ts';
import { createWatchService } from './watch-service.ts';

/** Ranges are paged by the number of keys, and a key's value may have 1.5 MiB. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** etcd's default. */
const DEFAULT_PROGRESS_INTERVAL_MS = 600_000;

export interface CoordinatorOptions {
  readonly dataDir: string;
  /** `host:port`; port 0 is any free one. */
  readonly listen: string;
  readonly tls?: TlsIdentity | undefined;
  readonly progressIntervalMs?: number;
  /** Faults of the disk or of the program; the coordinator goes on where it can. */
  readonly onFault: (error: unknown) => void;
}

export interface Coordinator {
  /** `host:port` that clients connect to. */
  readonly address: string;
  /** Ends watches at once, lets other calls finish for `graceMs`, and closes the database. */
  stop(graceMs: number): Promise<void>;
}

/** Serves the part of etcd's API that Meridian uses from a SQLite database in `dataDir`. */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { dataDir, listen, tls, progressIntervalMs = DEFAULT_PROGRESS_INTERVAL_MS, onFault } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const database = openDatabase(dataDir);
  try {
    const store = openStore({ database, signal, onFault });
    const table = openLeaseTable(database.sql);
    const leases = openLeases({ store, table, now: () => performance.now(), signal, onFault });
    const server = createRpcServer({
      tls,
      maxSendBytes: MAX_RESPONSE_BYTES,
      onFault,
    });
    server.add(kvContract, createKvService(store, table));
    server.add(watchContract, createWatchService({ store, progressIntervalMs, stopping: signal }));
    server.add(leaseContract, createLeaseService(store, leases));
    server.add(maintenanceContract, createMaintenanceService(store, database.sql));
    server.add(clusterContract, createClusterService(store));
    const port = await server.listen(listen);
    return {
      address: `${listen.slice(0, listen.lastIndexOf(':'))}:${port}`,
      stop: async (graceMs) => {
        stopping.abort(new Error('The coordinator is stopping.'));
        await server.close(graceMs);
        await store.drained();
        database.sql.close();
      },
    };
  } catch (error) {
    stopping.abort();
    database.sql.close();
    throw error;
  }
}
