import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { alignedBuffer } from '#libs/aligned-memory.ts';
import { ResponseReader } from './response-reader.ts';

/** What is received is read into one piece of memory, again and again. */
const READ_BYTES = 512 * 1024;

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** With how many bytes there will be. */
  readonly body?: { readonly chunks: Iterable<Buffer>; readonly size: number };
  readonly onBody?: (piece: Buffer) => void;
}

export interface Response {
  readonly status: number;
  readonly bodyBytes: number;
  /** When the first of them came (`performance.now()`); 0 where there were none. */
  readonly firstByteAt: number;
  header(name: string): string | undefined;
}

interface Exchange {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One connection that is kept and carries one request at a time: HTTP/1.1 with as little between the socket and the caller as there can
 * be, since what it costs is taken from the server that is measured.
 */
export class Connection {
  readonly #host: string;
  readonly #port: number;
  readonly #reader = new ResponseReader();
  #socket: Socket | undefined;
  #exchange: Exchange | undefined;
  #firstByteAt = 0;

  constructor(registry: string) {
    const { hostname, port } = new URL(`http://${registry}`);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /** Connects where there is no connection yet. */
  async open(): Promise<void> {
    if (this.#socket !== undefined) return;
    const socket = connect({
      host: this.#host,
      port: this.#port,
      noDelay: true,
      onread: {
        buffer: alignedBuffer(READ_BYTES),
        callback: (size, buffer) => this.#read(size, buffer),
      },
    });
    this.#socket = socket;
    const lost = (error?: Error): void => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#fail(error ?? new Error('The server closed the connection.'));
    };
    socket.on('error', lost);
    socket.once('end', () => lost());
    socket.once('close', () => lost());
    await once(socket, 'connect');
  }

  /** The head as bytes, for requests that are sent often. */
  head({ method, path, headers = {}, body }: Omit<Request, 'onBody'>): string {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    if (body !== undefined) lines.push(`content-length: ${body.size}\r\n`);
    else if (method === 'POST') lines.push('content-length: 0\r\n');
    return `${method} ${path} HTTP/1.1\r\nhost: ${this.#host}:${this.#port}\r\n${lines.join('')}\r\n`;
  }

  /** Resolves when the answer has come whole; rejects where the connection breaks. */
  async request(request: Request): Promise<Response> {
    await this.open();
    const answered = this.send(this.head(request), request.method, request.onBody);
    if (request.body !== undefined) await this.#sendBody(request.body.chunks, answered);
    return answered;
  }

  /** The same for a head that was made before, on a connection that is open. */
  send(head: string, method: string, onBody?: (piece: Buffer) => void): Promise<Response> {
    const socket = this.#socket;
    if (socket === undefined) return this.open().then(() => this.send(head, method, onBody));
    this.#reader.expect(method, onBody);
    this.#firstByteAt = 0;
    return new Promise((resolve, reject) => {
      this.#exchange = { resolve, reject };
      socket.write(head, 'latin1');
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  /** Until all is sent, or an answer has come without waiting for it. */
  async #sendBody(chunks: Iterable<Buffer>, answered: Promise<Response>): Promise<void> {
    const over = answered.then(
      () => undefined,
      () => undefined,
    );
    for (const chunk of chunks) {
      const socket = this.#socket;
      if (socket === undefined || this.#exchange === undefined) return;
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => undefined), over]);
    }
  }

  #read(size: number, buffer: Uint8Array): boolean {
    const exchange = this.#exchange;
    if (exchange === undefined) return true;
    try {
      const isWhole = this.#reader.take(Buffer.from(buffer.buffer, buffer.byteOffset, size));
      if (this.#firstByteAt === 0 && this.#reader.bodyBytes > 0) this.#firstByteAt = performance.now();
      if (!isWhole) return true;
    } catch (error) {
      this.close();
      this.#fail(error as Error);
      return true;
    }
    this.#exchange = undefined;
    const { status, bodyBytes, head } = this.#reader;
    if (/\r\nconnection: close/i.test(head)) this.close();
    const firstByteAt = this.#firstByteAt;
    exchange.resolve({ status, bodyBytes, firstByteAt, header: (name) => headerOf(head, name) });
    return true;
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.reject(error);
  }
}

function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}: *([^\r]*)`, 'i').exec(head)?.[1];
}
