import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { bridge, type Destination } from '#test/faults/support/bridge.ts';
import type { Links } from '#test/faults/support/links.ts';

/** A port in one place behind which what listens in another is reached, over the links between them. */
export interface LinkPort {
  /** `host:port`. */
  readonly address: string;
  close(): Promise<void>;
}

export async function openLinkPort(links: Links, place: string, destination: Destination): Promise<LinkPort> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    client.once('close', () => sockets.delete(client));
    // Nothing is lost meanwhile: the kernel keeps what the client sends.
    client.pause();
    bridge(place, destination, links, client).then(
      () => client.resume(),
      () => client.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
