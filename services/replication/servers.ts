import {
  authContract,
  catalogContract,
  operationsContract,
  peerContract,
  transferContract,
  uploadsContract,
  type Auth,
  type Catalog,
  type Operations,
  type Peer,
  type Transfer,
  type Uploads,
} from '#libs/rpc/contracts.ts';
import { createRpcServer, type OnFault, type RpcServer } from '#libs/rpc/server.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';

/** What one kind of caller can call, and where. */
export interface ServerOptions {
  readonly listen: string;
  readonly tls: TlsIdentity | undefined;
  readonly onFault: OnFault;
}

export interface ListeningServer {
  readonly server: RpcServer;
  readonly port: number;
}

/**
 * For the other regions: what lies here, never what lies in a third region; and the catalog with its identities, for their front ends whose
 * own replication is away. Whoever calls closes the server.
 */
export function servePeers(
  services: {
    readonly peer: Peer;
    readonly uploads: Uploads;
    readonly operations: Operations;
    readonly catalog: Catalog;
    readonly auth: Auth;
  },
  options: ServerOptions,
): Promise<ListeningServer> {
  return listening(options, (server) => {
    server.add(peerContract, services.peer);
    server.add(uploadsContract, services.uploads);
    server.add(operationsContract, services.operations);
    server.add(catalogContract, services.catalog);
    server.add(authContract, services.auth);
  });
}

/** For the region's front ends. Whoever calls closes the server. */
export function serveFrontends(
  services: {
    readonly catalog: Catalog;
    readonly auth: Auth;
    readonly transfer: Transfer;
    readonly uploads: Uploads;
    readonly operations: Operations;
  },
  options: ServerOptions,
): Promise<ListeningServer> {
  return listening(options, (server) => {
    server.add(catalogContract, services.catalog);
    server.add(authContract, services.auth);
    server.add(transferContract, services.transfer);
    server.add(uploadsContract, services.uploads);
    server.add(operationsContract, services.operations);
  });
}

async function listening(
  { listen, tls, onFault }: ServerOptions,
  fill: (server: RpcServer) => void,
): Promise<ListeningServer> {
  const server = createRpcServer({ tls, onFault });
  fill(server);
  try {
    return { server, port: await server.listen(listen) };
  } catch (error) {
    await server.close(0);
    throw error;
  }
}
