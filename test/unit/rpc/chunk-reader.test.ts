import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isGivenAway } from '#libs/given-away.ts';
import { chunkReader } from '#libs/rpc/chunk-reader.ts';
import { storageContract, uploadsContract } from '#libs/rpc/contracts.ts';
import { methodsOf } from './methods.ts';

const { read, put, stat } = methodsOf(storageContract);
const { write } = methodsOf(uploadsContract);

describe('a message with a piece of a blob', () => {
  const kinds = [
    ['Chunk', read.responseType, read.responseSerialize, read.responseDeserialize],
    ['PutBlob', put.requestType, put.requestSerialize, put.requestDeserialize],
    ['WriteUpload', write.requestType, write.requestSerialize, write.requestDeserialize],
  ] as const;
  const sizes = [0, 1, 4095, 4096, 16_383, 16_384, 262_144, 1024 * 1024];

  it.each(kinds)(
    '%s is read as it would be otherwise, whatever its size',
    (_name, type, serialize, deserialize) => {
      for (const size of sizes) {
        const message = framed(serialize({ data: randomBytes(size) }));
        expect(chunkReader(type, deserialize)(message), `${size} bytes`).toEqual(deserialize(message));
      }
    },
  );

  it('is the last to have its bytes, where they are in memory of their own', () => {
    const deserialize = chunkReader(read.responseType, read.responseDeserialize);
    const message = read.responseSerialize({ data: randomBytes(100_000) });
    const { data } = deserialize(framed(message)) as { data: Buffer };
    expect(isGivenAway(data)).toBe(true);
    expect(isGivenAway(data.subarray(1))).toBe(false);
    const beside = framed(Buffer.concat([message, randomBytes(100)])).subarray(0, message.length);
    expect(isGivenAway((deserialize(beside) as { data: Buffer }).data)).toBe(false);
  });

  it('is read field by field where it says more', () => {
    const deserialize = chunkReader(put.requestType, put.requestDeserialize);
    const header = put.requestSerialize({ header: { repository: 'a', digest: 'b', size: 1 } });
    const both = Buffer.concat([put.requestSerialize({ data: randomBytes(5_000) }), header]);
    expect(deserialize(both)).toEqual(put.requestDeserialize(both));
    const twice = Buffer.concat([both.subarray(0, -header.length), both.subarray(0, -header.length)]);
    expect(deserialize(twice)).toEqual(put.requestDeserialize(twice));
  });

  it('is refused where it is cut short', () => {
    const deserialize = chunkReader(read.responseType, read.responseDeserialize);
    const message = read.responseSerialize({ data: randomBytes(5_000) });
    expect(() => deserialize(message.subarray(0, -1))).toThrow(RangeError);
    expect(() => deserialize(Buffer.alloc(5_000, message[0]))).toThrow();
  });

  it('is the only kind that is read so', () => {
    expect(chunkReader(stat.requestType, stat.requestDeserialize)).toBe(stat.requestDeserialize);
  });
});

/** As grpc-js gives it: without the five bytes before it, in the memory of both. */
function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafeSlow(message.length + 5);
  message.copy(frame, 5);
  return frame.subarray(5);
}
