import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Storage } from '#libs/rpc/contracts.ts';
import { readHeldBlob } from '#services/frontend/content/held-blob.ts';
import { createReadBudget } from '#services/frontend/content/read-budget.ts';
import { createTurns } from '#services/frontend/content/turns.ts';
import {
  blobOf,
  live,
  openStorageOver,
  removeDirectory,
  someBytes,
  transports,
  valve,
  type StorageUnderTest,
} from './harness.ts';

const KIB = 1024;
const limits = { budget: createReadBudget(1024 * KIB), turns: createTurns({ max: 4, maxMs: 1_000 }) };

describe.each(transports)('a whole blob that a front end reads from a storage called %s', (transport) => {
  let service: StorageUnderTest;
  beforeAll(async () => {
    service = await openStorageOver(transport, { settings: { readChunkBytes: 64 * KIB } });
  });
  afterAll(async () => {
    await service.stop();
    await removeDirectory(service.dataDir);
  });

  it('is said to be arriving before its first bytes, as long as it is', async () => {
    const bytes = someBytes(500 * KIB, 7);
    const blob = blobOf(bytes);
    const source = valve({ repository: 'a/b', ...blob });
    const ingest = service.storage.ingest(source.messages, live);
    source.give(bytes.subarray(0, 300 * KIB));

    const early = reader(service.storage, blob);
    expect(await early.next()).toBeGreaterThan(0);
    expect(early.saidArriving()).toBe(1);
    source.give(bytes.subarray(300 * KIB));
    source.end();
    await ingest;
    expect((await early.rest()).equals(bytes)).toBe(true);
    expect(early.saidArriving()).toBe(1);

    const late = reader(service.storage, blob);
    expect((await late.rest()).equals(bytes)).toBe(true);
    expect(late.saidArriving()).toBe(0);
  });

  it('ends before its last bytes where what arrives is not the blob', async () => {
    const bytes = someBytes(500 * KIB, 8);
    const blob = blobOf(bytes);
    const source = valve({ repository: 'a/b', ...blob });
    const ingest = service.storage.ingest(source.messages, live);
    source.give(someBytes(300 * KIB, 9));
    const early = reader(service.storage, blob);
    await early.next();
    source.give(bytes.subarray(300 * KIB));
    source.end();
    await expect(ingest).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
    await expect(early.rest()).rejects.toThrow();
    expect(early.received()).toBeLessThan(blob.size);
  });

  it('ends before its last byte where that is of another copy than the first ones', async () => {
    const bytes = someBytes(100 * KIB, 10);
    const blob = blobOf(bytes);
    const replaced: Pick<Storage, 'read'> = {
      read: async function* ({ offset, length }) {
        const data = Buffer.from(bytes.subarray(offset, offset + length));
        yield offset === 0 ? { data, arriving: true } : { data };
      },
    };
    const early = reader(replaced, blob);
    await expect(early.rest()).rejects.toThrow('received anew while it was read');
    expect(early.received()).toBe(blob.size - 1);
  });
});

/** Reads a blob as whoever does not hash it. */
function reader(storage: Pick<Storage, 'read'>, { digest, size }: { digest: string; size: number }) {
  const chunks: Uint8Array[] = [];
  let said = 0;
  const onArriving = (): void => void (said += 1);
  const whole = { offset: 0, length: size };
  const source = readHeldBlob(storage, { digest, size }, whole, limits, live.signal, onArriving);
  const next = async (): Promise<number> => {
    const step = await source.next();
    if (step.done === true) return 0;
    return chunks.push(step.value);
  };
  return {
    next,
    rest: async () => {
      while ((await next()) > 0);
      return Buffer.concat(chunks);
    },
    received: () => Buffer.concat(chunks).length,
    saidArriving: () => said,
  };
}
