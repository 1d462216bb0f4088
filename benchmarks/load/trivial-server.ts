import { createServer, type AddressInfo } from 'node:net';

/*
 * A server that does nothing but answer, always the same: what the generator can do at most. The argument is the size of the body.
 */

const bytes = Number(process.argv[2]);
const PIECE = Buffer.alloc(1024 * 1024, 'x');
const head = `HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: ${bytes}\r\n\r\n`;
const small = bytes <= PIECE.length ? head + 'x'.repeat(bytes) : undefined;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  const large = async (): Promise<void> => {
    socket.write(head, 'latin1');
    for (let left = bytes; left > 0 && !socket.destroyed; left -= PIECE.length) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      await new Promise((resolve) => socket.write(piece, resolve));
    }
  };
  socket.on('data', () => {
    if (small !== undefined) socket.write(small, 'latin1');
    else large().catch(() => socket.destroy());
  });
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());
