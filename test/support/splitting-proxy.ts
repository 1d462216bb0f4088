import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A registry whose reads (GET and HEAD) are answered by another region than the one that takes its writes. */
export interface SplittingProxy {
  /** `host:port` for clients. */
  readonly address: string;
  /** How many requests each side has had. */
  readonly counts: () => { readonly reads: number; readonly writes: number };
  close(): Promise<void>;
}

/** `reads` and `writes` are `host:port`. */
export async function startSplittingProxy(to: { reads: string; writes: string }): Promise<SplittingProxy> {
  const agent = new Agent({ keepAlive: true });
  const counts = { reads: 0, writes: 0 };
  const server = createServer((incoming, outgoing) => {
    const side = incoming.method === 'GET' || incoming.method === 'HEAD' ? 'reads' : 'writes';
    counts[side] += 1;
    // Whoever breaks off breaks the other side off; a client sees that its answer was cut.
    forward(`http://${to[side]}`, agent, incoming, outgoing).catch(() => void outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ ...counts }),
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function forward(
  base: string,
  agent: Agent,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { method, url = '/', rawHeaders } = incoming;
  const upstream = request(base + url, { method, agent, headers: rawHeaders });
  const answered = once(upstream, 'response') as Promise<[IncomingMessage]>;
  const sent = pipeline(incoming, upstream);
  // An answer may come before the request has been sent whole.
  sent.catch(() => undefined);
  const [answer] = await answered;
  outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
  await pipeline(answer, outgoing);
}
