import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { carry } from './carry.ts';
import type { Links } from './links.ts';

/** Where a connection goes that asks for an address. */
export interface Destination {
  /** The place at the links' other end. */
  readonly place: string;
  /** The port of 127.0.0.1 that really listens. */
  readonly port: number;
}

/** The one way out of a place: a proxy that its gRPC clients are told to use (`grpc_proxy`), and that puts every connection on its links. */
export interface Egress {
  readonly url: string;
  close(): Promise<void>;
}

/** `find` knows the destinations by `host:port`; other addresses are refused. */
export async function openEgress(
  place: string,
  links: Links,
  find: (address: string) => Destination | undefined,
): Promise<Egress> {
  const sockets = new Set<Socket>();
  const server = createServer();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    join(place, find(request.url ?? ''), links, client).catch(() => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Connecting takes a round trip, and as long as one of the directions is cut. */
async function join(
  place: string,
  destination: Destination | undefined,
  links: Links,
  client: Socket,
): Promise<void> {
  if (destination === undefined) throw new Error(`${place} knows no such address.`);
  const there = links.link(place, destination.place);
  const back = links.link(destination.place, place);
  for (const link of [there, back]) {
    await new Promise((resolve) => setTimeout(resolve, link.state.delayMs));
    await link.untilMoving();
  }
  if (there.state.flow !== 'open' || back.state.flow !== 'open' || client.destroyed)
    throw new Error('There is no way.');
  const server = connect(destination.port, '127.0.0.1');
  server.on('error', () => client.destroy());
  await once(server, 'connect');
  carry(client, server, there);
  carry(server, client, back);
  client.write('HTTP/1.1 200 Connected\r\n\r\n');
}
