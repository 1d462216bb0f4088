import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import type { TlsFiles } from '#libs/tls/identity.ts';

/** A connection of HTTP/2 that its client writes frame by frame, so that it need not keep to the protocol. */
export interface FrameConnection {
  /** False once the other side has closed the connection. */
  send(frames: Buffer): Promise<boolean>;
  /** Resolves when the other side closes, with the types of the frames that it sent. */
  closed(): Promise<void>;
  destroy(): void;
}

export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, continuation: 9 } as const;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** Rejects where the handshake is refused: without a certificate, at the latest when the first bytes come back. */
export async function openFrames(
  address: string,
  ca: string,
  own: TlsFiles | undefined,
): Promise<FrameConnection> {
  const [host = '', port] = address.split(':');
  const shown = own === undefined ? {} : { cert: readFileSync(own.cert), key: readFileSync(own.key) };
  const socket = connect({
    ...{ host, port: Number(port), ca: readFileSync(ca), ALPNProtocols: ['h2'], ...shown },
    checkServerIdentity: () => undefined,
  });
  let failure: Error | undefined;
  socket.on('error', (error: Error) => (failure = error));
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.write(Buffer.concat([Buffer.from(PREFACE), frame(FRAME.settings, 0, 0)]));
  const answered = Promise.withResolvers<undefined>();
  socket.once('data', () => answered.resolve(undefined));
  await Promise.race([answered.promise, ended]);
  if (socket.destroyed) throw failure ?? new Error('The connection was closed at once.');
  socket.resume();
  return {
    send: (frames) => written(socket, frames, ended),
    closed: () => ended,
    destroy: () => void socket.destroy(),
  };
}

/** https://www.rfc-editor.org/rfc/rfc9113#section-4.1 */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A call's headers as HPACK without compression of texts: https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2 */
export function callHeaders(path: string): Buffer {
  const literal = (name: string, value: string): Buffer =>
    Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ]);
  return Buffer.concat([
    ...[literal(':method', 'POST'), literal(':scheme', 'https'), literal(':path', path)],
    ...[literal(':authority', 'x'), literal('content-type', 'application/grpc'), literal('te', 'trailers')],
  ]);
}

async function written(socket: TLSSocket, bytes: Buffer, ended: Promise<void>): Promise<boolean> {
  if (socket.destroyed || !socket.writable) return false;
  if (!socket.write(bytes)) {
    const drained = new Promise<void>((resolve) => socket.once('drain', () => resolve()));
    await Promise.race([drained, ended]);
  }
  // What the other side has done by now is heard before the next bytes.
  await new Promise((resolve) => setImmediate(resolve));
  return !socket.destroyed;
}
