import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { bridge, type Destination } from './bridge.ts';
import type { Links } from './links.ts';

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
    const destination = find(request.url ?? '');
    const joined =
      destination === undefined
        ? Promise.reject(new Error(`${place} knows no such address.`))
        : bridge(place, destination, links, client);
    joined.then(() => client.write('HTTP/1.1 200 Connected\r\n\r\n')).catch(() => client.destroy());
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
