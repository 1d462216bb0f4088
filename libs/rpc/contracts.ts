import type { AuthDefinition, AuthHandlers } from '#types/meridian/v1/Auth.ts';
import type { CatalogDefinition, CatalogHandlers } from '#types/meridian/v1/Catalog.ts';
import type { OperationsDefinition, OperationsHandlers } from '#types/meridian/v1/Operations.ts';
import type { PeerDefinition, PeerHandlers } from '#types/meridian/v1/Peer.ts';
import type { ReclaimDefinition, ReclaimHandlers } from '#types/meridian/v1/Reclaim.ts';
import type { ScrubDefinition, ScrubHandlers } from '#types/meridian/v1/Scrub.ts';
import type { StorageDefinition, StorageHandlers } from '#types/meridian/v1/Storage.ts';
import type { TransferDefinition, TransferHandlers } from '#types/meridian/v1/Transfer.ts';
import type { UploadsDefinition, UploadsHandlers } from '#types/meridian/v1/Uploads.ts';
import { loadServices } from './load.ts';
import type { Service } from './types.ts';

export type Storage = Service<StorageDefinition, StorageHandlers>;
export type Reclaim = Service<ReclaimDefinition, ReclaimHandlers>;
export type Scrub = Service<ScrubDefinition, ScrubHandlers>;
export type Uploads = Service<UploadsDefinition, UploadsHandlers>;
export type Catalog = Service<CatalogDefinition, CatalogHandlers>;
export type Auth = Service<AuthDefinition, AuthHandlers>;
export type Transfer = Service<TransferDefinition, TransferHandlers>;
export type Operations = Service<OperationsDefinition, OperationsHandlers>;
export type Peer = Service<PeerDefinition, PeerHandlers>;

/** A service of proto/, with the TypeScript type that goes with it. */
export interface Contract<S extends object> {
  readonly name: string;
  readonly definition: object;
  /** Never set; carries the type. */
  readonly type?: S;
}

const services = loadServices([
  'meridian/v1/storage.proto',
  'meridian/v1/reclaim.proto',
  'meridian/v1/scrub.proto',
  'meridian/v1/uploads.proto',
  'meridian/v1/catalog.proto',
  'meridian/v1/auth.proto',
  'meridian/v1/transfer.proto',
  'meridian/v1/operations.proto',
]);

export const storageContract = contract<Storage>('meridian.v1.Storage');
export const reclaimContract = contract<Reclaim>('meridian.v1.Reclaim');
export const scrubContract = contract<Scrub>('meridian.v1.Scrub');
export const uploadsContract = contract<Uploads>('meridian.v1.Uploads');
export const catalogContract = contract<Catalog>('meridian.v1.Catalog');
export const authContract = contract<Auth>('meridian.v1.Auth');
export const transferContract = contract<Transfer>('meridian.v1.Transfer');
export const operationsContract = contract<Operations>('meridian.v1.Operations');
export const peerContract = contract<Peer>('meridian.v1.Peer');

function contract<S extends object>(name: string): Contract<S> {
  return { name, definition: services(name) };
}
