import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and a server, and breaks connections. */
export interface TcpProxy {
  /** URL for clients. */
  readonly endpoint: string;
  readonly port: number;
  /** How many connections were broken. */
  readonly cuts: () => number;
  /** Bytes of answers that were let through. */
  readonly answeredBytes: () => number;
  /** The next connections break after so many bytes of answers each; Infinity lets them be. */
  cutAfter(bytes: () => number): void;
  /** The next connections break after so many bytes of requests each; Infinity lets them be. */
  cutRequestsAfter(bytes: () => number): void;
  /**
   * Requests still reach the server, which goes on as if nothing had happened; but with the first byte that it sends after one, the client's
   * connection breaks. (That byte may well be of the protocol's own, sent before the server has done anything.)
   */
  loseAnswers(): void;
  cutNow(): void;
  close(): Promise<void>;
}

/** `listenPort` 0 is any free one. */
export async function startTcpProxy(serverPort: number, listenPort = 0): Promise<TcpProxy> {
  let limit = (): number => Infinity;
  let requestLimit = (): number => Infinity;
  let losing = false;
  let cuts = 0;
  let answeredBytes = 0;
  const open = new Set<Socket>();
  const upstreams = new Set<Socket>();
  const server = createServer((client) => {
    let left = limit();
    let requestLeft = requestLimit();
    let asked = false;
    const upstream = connect(serverPort, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      open.delete(client);
      upstreams.delete(upstream);
    };
    open.add(client);
    upstreams.add(upstream);
    upstream.on('error', end).on('close', end);
    client.on('error', () => client.destroy()).on('close', () => (losing ? open.delete(client) : end()));
    client.pipe(upstream, { end: false });
    client.on('end', () => losing || upstream.end());
    client.on('data', (chunk: Buffer) => {
      asked = losing;
      requestLeft -= chunk.length;
      if (requestLeft >= 0) return;
      cuts += 1;
      end();
    });
    upstream.on('data', (chunk: Buffer) => {
      if (losing) {
        if (asked) client.destroy();
        return;
      }
      const passed = chunk.subarray(0, left);
      left -= passed.length;
      answeredBytes += passed.length;
      client.write(passed, () => {
        if (passed.length === chunk.length) return;
        cuts += 1;
        end();
      });
    });
  });
  server.listen(listenPort, '127.0.0.1');
  await once(server, 'listening');
  const cutNow = (): void => {
    cuts += open.size;
    for (const socket of [...open, ...upstreams]) socket.destroy();
  };
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    cuts: () => cuts,
    answeredBytes: () => answeredBytes,
    cutAfter: (bytes) => {
      limit = bytes;
    },
    cutRequestsAfter: (bytes) => {
      requestLimit = bytes;
    },
    loseAnswers: () => {
      losing = true;
    },
    cutNow,
    close: async () => {
      cutNow();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
