import { expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { countInventory } from '#services/storage/blobs/inventory.ts';
import type { BlobReader, HeldBlob } from '#services/storage/driver.ts';

const blob = (text: string): HeldBlob => ({ digest: digestOf(Buffer.from(text)), size: text.length });
const [old, fresh] = [blob('old'), blob('fresh')];
const { signal } = new AbortController();

it('counts a blob once that can be seen before its publishing has ended', async () => {
  const seen = Promise.withResolvers<undefined>();
  const inventory = countInventory(
    listing(async function* () {
      yield old;
      await seen.promise;
      yield fresh;
    }),
    signal,
    fail,
  );
  inventory.adding(fresh.digest);
  seen.resolve(undefined);
  await inventory.counted;
  inventory.added(fresh);
  expect(inventory.totals()).toEqual({ blobs: 2, bytes: old.size + fresh.size });
});

it('counts nothing for a publishing that failed', async () => {
  const inventory = countInventory(
    listing(async function* () {
      yield old;
    }),
    signal,
    fail,
  );
  inventory.adding(fresh.digest);
  await inventory.counted;
  expect(inventory.totals()).toEqual({ blobs: 1, bytes: old.size });
});

function listing(list: () => AsyncGenerator<HeldBlob, void, undefined>): BlobReader {
  const unused = (): never => {
    throw new Error('Only the list is asked for.');
  };
  return { stat: unused, open: unused, locate: unused, list };
}

function fail(error: unknown): void {
  throw error;
}
