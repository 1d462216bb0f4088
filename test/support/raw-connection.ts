import { connect, type Socket } from 'node:net';
import type { Answer } from '#test/support/registry-client.ts';

const TIMEOUT_MS = 20_000;

/** A TCP connection to a server of HTTP/1.1, over which anything may be sent. */
export interface RawConnection {
  send(bytes: Buffer): void;
  /** Tells the server that nothing more will come. */
  end(): void;
  /** The next answer, past any 100 Continue; undefined where the connection ends first. Throws for what is no answer. */
  next(method: string): Promise<Answer | undefined>;
  destroy(): void;
}

export function openRawConnection(registry: string): RawConnection {
  const { hostname, port } = new URL(`http://${registry}`);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let received: Buffer = Buffer.alloc(0);
  let ended = false;
  let wake: () => void = () => undefined;
  const arrive = (chunk?: Buffer): void => {
    if (chunk === undefined) ended = true;
    else received = Buffer.concat([received, chunk]);
    wake();
  };
  socket
    .on('data', arrive)
    .on('end', () => arrive())
    .on('close', () => arrive())
    .on('error', () => undefined);
  const more = async (): Promise<boolean> => {
    if (ended) return false;
    await within(new Promise<void>((resolve) => (wake = resolve)), socket);
    return true;
  };
  return {
    send: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    next: async (method) => {
      for (;;) {
        const parsed = parse(received, method);
        if (parsed === undefined && (await more())) continue;
        if (parsed === undefined && received.length > 0)
          throw new Error(`half an answer: ${JSON.stringify(received.toString('latin1'))}`);
        if (parsed === undefined) return undefined;
        received = received.subarray(parsed.bytes);
        if (parsed.answer.status >= 200) return parsed.answer;
      }
    },
    destroy: () => void socket.destroy(),
  };
}

function parse(received: Buffer, method: string): { answer: Answer; bytes: number } | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [start = '', ...lines] = received.toString('latin1', 0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(start)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) throw new Error(`no status line: ${JSON.stringify(start)}`);
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  const length = bodiless ? 0 : Number(headers['content-length'] ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`no Content-Length: ${received.toString('latin1', 0, end)}`);
  const bytes = end + 4 + length;
  if (received.length < bytes) return undefined;
  return { answer: { status, headers, body: received.subarray(end + 4, bytes) }, bytes };
}

async function within(arrival: Promise<void>, socket: Socket): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    socket.destroy();
    late.reject(new Error(`the server neither answered nor hung up within ${TIMEOUT_MS} ms`));
  }, TIMEOUT_MS);
  await Promise.race([arrival, late.promise]).finally(() => clearTimeout(timer));
}
