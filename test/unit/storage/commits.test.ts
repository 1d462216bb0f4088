import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Commits } from '#services/storage/owner/commits.ts';

let database: DatabaseSync;
let syncs: number;
let syncError: Error | undefined;
/** What the disk is waited for with. */
let disk: Promise<unknown>;
let commits: Commits;

beforeEach(() => {
  database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE numbers (number INTEGER PRIMARY KEY) STRICT');
  syncs = 0;
  syncError = undefined;
  disk = Promise.resolve();
  const datasync = async (): Promise<void> => {
    syncs += 1;
    await disk;
    if (syncError !== undefined) throw syncError;
  };
  commits = new Commits(database, { datasync });
});
afterEach(() => database.close());

const insert = (number: number) => (): void =>
  void database.prepare('INSERT INTO numbers VALUES (?)').run(number);
const count = (): unknown => database.prepare('SELECT count(*) AS count FROM numbers').get()?.['count'];

it('work that comes together shares one transaction and one sync of the disk', async () => {
  await Promise.all(Array.from({ length: 100 }, (_, number) => commits.run(insert(number))));
  expect(count()).toBe(100);
  expect(syncs).toBe(1);
  await commits.run(insert(100));
  expect(syncs).toBe(2);
});

it('a transaction that fails leaves nothing, and the next one goes on', async () => {
  const outcomes = await Promise.allSettled([commits.run(insert(1)), commits.run(insert(1))]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(count()).toBe(0);
  await commits.run(insert(1));
  expect(count()).toBe(1);
});

it('what may come later goes ahead of the next transaction, with it, and is not lost with one that fails', async () => {
  const remove = (number: number) => (): void =>
    void database.prepare('DELETE FROM numbers WHERE number = ?').run(number);
  commits.later(insert(1));
  expect(count()).toBe(0);
  await commits.run(remove(1));
  expect(count()).toBe(0);

  commits.later(insert(2));
  await expect(commits.run(insert(2))).rejects.toThrow('UNIQUE');
  expect(count()).toBe(0);
  commits.settle();
  expect(count()).toBe(1);
});

it('what may come later is there after a moment without any transaction, and at the latest at the end', async () => {
  commits.later(insert(1));
  await expect.poll(count).toBe(1);
  commits.later(insert(2));
  await commits.idle();
  expect(count()).toBe(2);
});

it('after a sync that failed nothing is acknowledged any more, for what it lost is not known', async () => {
  syncError = new Error('EIO');
  await expect(commits.run(insert(1))).rejects.toThrow('EIO');
  syncError = undefined;
  await expect(commits.run(insert(2))).rejects.toThrow('EIO');
  expect(commits.failure).toBeDefined();
  expect(syncs).toBe(1);
});

it('what can be read is durable once the sync under way has ended, and not if that fails', async () => {
  await commits.durable();
  const slow = Promise.withResolvers<undefined>();
  disk = slow.promise;
  const order: string[] = [];
  const running = commits.run(insert(1));
  await expect.poll(count).toBe(1);
  const durable = commits.durable().then(() => order.push('durable'));
  await expect.poll(() => syncs).toBe(1);
  order.push('on disk');
  slow.resolve(undefined);
  await Promise.all([durable, running]);
  expect(order).toEqual(['on disk', 'durable']);

  syncError = new Error('EIO');
  const failing = commits.run(insert(2));
  failing.catch(() => undefined);
  await expect.poll(count).toBe(2);
  await expect(commits.durable()).rejects.toThrow('EIO');
  await expect(failing).rejects.toThrow('EIO');
});
