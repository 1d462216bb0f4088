import { loadServices } from '#libs/rpc/load.ts';
import type { Contract } from '#libs/rpc/contracts.ts';
import type { Service } from '#libs/rpc/types.ts';
import type { ClusterDefinition, ClusterHandlers } from '#types/etcdserverpb/Cluster.ts';
import type { KVDefinition, KVHandlers } from '#types/etcdserverpb/KV.ts';
import type { LeaseDefinition, LeaseHandlers } from '#types/etcdserverpb/Lease.ts';
import type { MaintenanceDefinition, MaintenanceHandlers } from '#types/etcdserverpb/Maintenance.ts';
import type { WatchDefinition, WatchHandlers } from '#types/etcdserverpb/Watch.ts';

export type KvService = Service<KVDefinition, KVHandlers>;
export type WatchService = Service<WatchDefinition, WatchHandlers>;
export type LeaseService = Service<LeaseDefinition, LeaseHandlers>;
export type MaintenanceService = Service<MaintenanceDefinition, MaintenanceHandlers>;

export type ClusterService = Service<ClusterDefinition, ClusterHandlers>;

const services = loadServices(['etcd/rpc.proto']);

export const kvContract = contract<KvService>('etcdserverpb.KV');
export const watchContract = contract<WatchService>('etcdserverpb.Watch');
export const leaseContract = contract<LeaseService>('etcdserverpb.Lease');
export const maintenanceContract = contract<MaintenanceService>('etcdserverpb.Maintenance');
export const clusterContract = contract<ClusterService>('etcdserverpb.Cluster');

function contract<S extends object>(name: string): Contract<S> {
  return { name, definition: services(name) };
}
