import { describe, expect, it } from 'vitest';
import { ResponseReader } from '../../../benchmarks/load/response-reader.ts';

interface Read {
  readonly status: number;
  readonly body: string;
  readonly bytes: number;
}

/** What is read of an answer that comes in pieces of this size; undefined where it is not complete. */
function read(text: string, pieceBytes: number, method = 'GET'): Read | undefined {
  const reader = new ResponseReader();
  const pieces: string[] = [];
  reader.expect(method, (piece) => pieces.push(piece.toString('latin1')));
  // As a connection does: each piece is in the same memory.
  const memory = Buffer.alloc(pieceBytes);
  for (let at = 0; at < text.length; at += pieceBytes) {
    const size = memory.write(text.slice(at, at + pieceBytes), 'latin1');
    if (reader.take(memory.subarray(0, size)))
      return { status: reader.status, body: pieces.join(''), bytes: reader.bodyBytes };
  }
  return undefined;
}

const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Other: 1\r\n\r\nhello';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=1\r\n, world!!!\r\n0\r\nx: y\r\n\r\n';

describe('an answer', () => {
  it.each([1, 2, 3, 7, 20, 1_000])('is read whole from pieces of %i bytes', (pieceBytes) => {
    expect(read(LENGTH, pieceBytes)).toEqual({ status: 200, body: 'hello', bytes: 5 });
    expect(read(CHUNKED, pieceBytes)).toEqual({ status: 200, body: 'hello, world!!!', bytes: 15 });
    expect(read('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n', pieceBytes)).toEqual({
      ...{ status: 404, body: '', bytes: 0 },
    });
  });

  it('has no body where it answers HEAD, or by its status', () => {
    expect(read('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', 10, 'HEAD')?.bytes).toBe(0);
    expect(read('HTTP/1.1 304 Not Modified\r\n\r\n', 10)?.status).toBe(304);
  });

  it('is not complete before its end', () => {
    expect(read(LENGTH.slice(0, -1), 10)).toBeUndefined();
    expect(read(CHUNKED.slice(0, -2), 10)).toBeUndefined();
  });

  it('that does not say how long it is, is refused', () => {
    expect(() => read('HTTP/1.1 200 OK\r\n\r\n', 100)).toThrow('does not say how long it is');
  });
});
