import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { giveAway } from '#libs/given-away.ts';
import { chunkWriter } from '#libs/rpc/chunk-writer.ts';
import { storageContract, uploadsContract } from '#libs/rpc/contracts.ts';
import { methodsOf } from './methods.ts';

const { read, put, stat } = methodsOf(storageContract);
const { write } = methodsOf(uploadsContract);

describe('a message with a piece of a blob', () => {
  const kinds = [
    ['Chunk', read.responseType, read.responseSerialize],
    ['PutBlob', put.requestType, put.requestSerialize],
    ['WriteUpload', write.requestType, write.requestSerialize],
  ] as const;
  const sizes = [0, 1, 4095, 4096, 16_383, 16_384, 262_144, 1024 * 1024];

  it.each(kinds)('%s goes out as it would otherwise, whatever its size', (_name, type, serialize) => {
    for (const size of sizes) {
      const message = { data: randomBytes(size) };
      const written = chunkWriter(type, serialize, false)(message);
      expect(written.byteLength).toBe(written.length);
      expect(copied(written).equals(serialize(message)), `${size} bytes`).toBe(true);
    }
  });

  it.each([
    ['goes back', 'that were given away', 'as the last', true, giveAway, 0],
    ['stays', 'that may be asked for again', 'not as the last', false, giveAway, 100_000],
    ['stays', 'of somebody', 'as the last', true, (bytes: Buffer) => bytes, 100_000],
  ] as const)('%s: the memory of bytes %s, written %s', (_1, _2, _3, isLast, owned, left) => {
    const bytes = randomBytes(100_000);
    const data = owned(Buffer.from(new Uint8Array(bytes).buffer));
    const written = copied(chunkWriter(read.responseType, read.responseSerialize, isLast)({ data }));
    expect(written.equals(read.responseSerialize({ data: bytes }))).toBe(true);
    expect(data.length).toBe(left);
  });

  it('is not taken for its data alone where it says more', () => {
    const { requestType, requestSerialize } = put;
    const message = { header: { repository: 'a', digest: 'b', size: 1 }, data: null };
    expect(chunkWriter(requestType, requestSerialize, true)(message)).toEqual(requestSerialize(message));
  });

  it('is the only kind that is written so', () => {
    const { requestType, requestSerialize } = stat;
    expect(chunkWriter(requestType, requestSerialize, true)).toBe(requestSerialize);
  });
});

/** As grpc-js makes a frame of it. */
function copied(message: Buffer): Buffer {
  const frame = Buffer.alloc(message.length + 5);
  message.copy(frame, 5);
  return frame.subarray(5);
}
