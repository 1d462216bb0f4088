import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { chunkWriter } from '#libs/rpc/chunk-writer.ts';
import { storageContract, uploadsContract, type Contract } from '#libs/rpc/contracts.ts';

interface Method {
  readonly requestType: object;
  readonly responseType: object;
  readonly requestSerialize: (message: unknown) => Buffer;
  readonly responseSerialize: (message: unknown) => Buffer;
}

const { read, put, stat } = methodsOf(storageContract);
const { write } = methodsOf(uploadsContract);

describe('a message with a piece of a blob', () => {
  const kinds = [
    ['Chunk', read?.responseType, read?.responseSerialize],
    ['PutBlob', put?.requestType, put?.requestSerialize],
    ['WriteUpload', write?.requestType, write?.requestSerialize],
  ] as const;
  const sizes = [0, 1, 4095, 4096, 16_383, 16_384, 262_144, 1024 * 1024];

  it.each(kinds)(
    '%s goes out as it would otherwise, whatever its size',
    (_name, type = {}, serialize = none) => {
      for (const size of sizes) {
        const message = { data: randomBytes(size) };
        const written = chunkWriter(type, serialize)(message);
        const frame = Buffer.alloc(written.length + 5);
        written.copy(frame, 5);
        expect(written.byteLength).toBe(written.length);
        expect(frame.subarray(5).equals(serialize(message)), `${size} bytes`).toBe(true);
      }
    },
  );

  it('is not taken for its data alone where it says more', () => {
    const { requestType = {}, requestSerialize = none } = put ?? {};
    const message = { header: { repository: 'a', digest: 'b', size: 1 }, data: null };
    expect(chunkWriter(requestType, requestSerialize)(message)).toEqual(requestSerialize(message));
  });

  it('is the only kind that is written so', () => {
    const { requestType = {}, requestSerialize = none } = stat ?? {};
    expect(chunkWriter(requestType, requestSerialize)).toBe(requestSerialize);
  });
});

function methodsOf<S extends object>(contract: Contract<S>): Record<string, Method> {
  const definition = contract.definition as Record<string, Method>;
  return Object.fromEntries(Object.entries(definition).map(([name, method]) => [name.toLowerCase(), method]));
}

function none(): never {
  throw new Error('The contract has no such method.');
}
