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
  /** Requests still reach the server, but at the next byte of its answer each connection breaks. */
  loseAnswers(): void;
  cutNow(): void;
  close(): Promise<void>;
}

/** `listenPort` 0 is any free one. */
export async function startTcpProxy(serverPort: number, listenPort = 0): Promise<TcpProxy> {
  let limit = (): number => Infinity;
  let losing = false;
  let cuts = 0;
  let answeredBytes = 0;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    let left = limit();
    const upstream = connect(serverPort, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      open.delete(client);
    };
    open.add(client);
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      const passed = losing ? chunk.subarray(0, 0) : chunk.subarray(0, left);
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
    for (const socket of open) socket.destroy();
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
