import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { openOwnerDatabase, type OwnerDatabase } from '#services/storage/owner/database.ts';
import { openPins, type NewPin, type Pins } from '#services/storage/owner/pins.ts';

const [ONE, TWO] = ['one', 'two'].map((text) => ({ digest: digestOf(Buffer.from(text)), size: 3 }));
if (ONE === undefined || TWO === undefined) throw new Error('There are two blobs.');

let directory: string;
let owner: OwnerDatabase;
let pins: Pins;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meridian-pins-'));
  owner = await openOwnerDatabase(join(directory, 'owner.sqlite'), 1_000);
  pins = openPins(owner);
  await put([ONE, TWO]);
});
afterEach(async () => {
  await owner.close();
  await rm(directory, { recursive: true, force: true });
});

function put(blobs: Parameters<Pins['put']>[1], pin: Partial<NewPin> = {}, repository = 'a/b') {
  return pins.put(repository, blobs, {
    ...{ epoch: 1, expiresAt: 10_000, slackMs: 100, unlessGivenUp: false },
    ...pin,
  });
}

/** Whether the work writes anything. */
async function writes(work: () => Promise<unknown>): Promise<boolean> {
  const changes = (): unknown => owner.database.prepare('SELECT total_changes() AS n').get()?.['n'];
  const before = changes();
  await work();
  return changes() !== before;
}

it('Blobs that are pinned as late already, or nearly, are not written again', async () => {
  expect(await writes(() => put([ONE, TWO]))).toBe(false);
  expect(await writes(() => put([TWO], { expiresAt: 10_100 }))).toBe(false);
  expect(await writes(() => put([TWO], { expiresAt: 9_000, epoch: 0 }))).toBe(false);
});

it.each<[string, () => Promise<unknown>]>([
  ['is to be pinned much later', () => put([ONE], { expiresAt: 10_101 })],
  ['is to carry another epoch', () => put([ONE], { epoch: 2 })],
  ['is of another size', () => put([{ ...ONE, size: 4 }])],
  ['is pinned for another repository only', () => put([ONE], {}, 'a/c')],
])('A blob is written that %s', async (_what, work) => {
  expect(await writes(work)).toBe(true);
});

it('All are written where one has been given up, which is pinned again', async () => {
  await pins.giveUp('a/b', [TWO.digest], 1, 0);
  expect(pins.find('a/b', [ONE.digest, TWO.digest], 0).pinned).toEqual([ONE.digest]);
  expect(await writes(() => put([ONE, TWO]))).toBe(true);
  expect(pins.find('a/b', [ONE.digest, TWO.digest], 0).pinned).toEqual([ONE.digest, TWO.digest]);
});
