import { appendFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Audited } from '#services/frontend/audit/entry.ts';
import { JOURNAL_LIMITS, openJournal, type JournalLimits } from '#services/frontend/audit/journal.ts';
import { linesBackwards } from '#services/frontend/audit/lines-backwards.ts';
import { searchJournal, type Filter, type Mark } from '#services/frontend/audit/search.ts';

const signal = AbortSignal.timeout(60_000);

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-audit-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function entry(atMs: number, more: Partial<Audited> = {}): Audited {
  return {
    ...{ at: new Date(atMs).toISOString(), region: 'us', who: 'alice', whoId: 'id', from: '192.0.2.1' },
    ...{
      action: 'push',
      allowed: true,
      method: 'PUT',
      path: '/v2/team/app/manifests/1',
      repository: 'team/app',
    },
    ...{ status: 201, code: '', ...more },
  };
}

async function journal(directory: string, process: string, limits: Partial<JournalLimits> = {}) {
  const faults: unknown[] = [];
  const opened = await openJournal({
    ...{ directory, process, limits: { ...JOURNAL_LIMITS, ...limits } },
    nowMs: Date.now,
    onFault: (error) => faults.push(error),
  });
  onTestFinished(async () => {
    await opened.close();
    expect(faults).toEqual([]);
  });
  return opened;
}

/** All pages of what is found. */
async function search(directory: string, filter: Filter = {}, limit = 1_000) {
  const all = [];
  let before: Mark | undefined;
  do {
    const page = await searchJournal(directory, { ...filter, ...(before && { before }) }, limit, signal);
    all.push(...page.entries);
    before = page.next;
  } while (before !== undefined);
  return all;
}

describe('the audit journal', () => {
  it('gives back what it was given, the newest first, and is its owner’s alone', async () => {
    const directory = join(await temporaryDirectory(), 'audit');
    const one = await journal(directory, 'one');
    const entries = [1, 2, 3].map((n) => entry(Date.now() + n, { who: `user-${n}` }));
    for (const given of entries) one.append(given);
    await one.flush();
    expect(await search(directory)).toMatchObject(entries.toReversed());
    for (const path of [directory, ...(await readdir(directory)).map((file) => join(directory, file))]) {
      expect((await stat(path)).mode & 0o077).toBe(0);
    }
  });

  it('is empty where none was written', async () => {
    expect(await search(join(await temporaryDirectory(), 'none'))).toEqual([]);
  });

  it('finds the same in files of several front ends, in pages of any size, as in a list of all entries', async () => {
    const wanted = fc.record(
      {
        who: fc.constantFrom('alice', 'bob', ''),
        action: fc.constantFrom('push', 'delete'),
        allowed: fc.boolean(),
        sinceMs: fc.integer({ min: 0, max: 60 }).map((ms) => START_MS + ms),
        untilMs: fc.integer({ min: 0, max: 60 }).map((ms) => START_MS + ms),
      },
      { requiredKeys: [] },
    );
    const written = fc.array(
      fc.record({
        process: fc.constantFrom('one', 'two', 'three'),
        who: fc.constantFrom('alice', 'bob', ''),
        action: fc.constantFrom('push', 'delete'),
        allowed: fc.boolean(),
        afterMs: fc.integer({ min: 0, max: 2 }),
      }),
      { maxLength: 40 },
    );
    // Nothing is written down before it was done.
    const START_MS = Date.now() - 1_000;
    const property = fc.asyncProperty(
      written,
      wanted,
      fc.integer({ min: 1, max: 20 }),
      async (list, filter, limit) => {
        const directory = await mkdtemp(join(tmpdir(), 'meridian-audit-'));
        const limits = { ...JOURNAL_LIMITS, maxFileBytes: 1_000 };
        const open = (process: string) =>
          openJournal({
            directory,
            process,
            limits,
            nowMs: Date.now,
            onFault: (error) => expect.unreachable(String(error)),
          });
        const journals = { one: await open('one'), two: await open('two'), three: await open('three') };
        let atMs = START_MS;
        const expected: Audited[] = [];
        for (const { process, afterMs, ...fields } of list) {
          atMs += afterMs;
          const given = entry(atMs, fields);
          journals[process].append(given);
          expected.push(given);
        }
        for (const opened of Object.values(journals)) await opened.close();
        const found = await search(directory, filter, limit);
        const times = found.map(({ at }) => at);
        expect(times).toEqual(times.toSorted().reverse());
        const { who, action, allowed, sinceMs = 0, untilMs = Infinity } = filter;
        const matching = expected.filter(
          (one) =>
            one.who === (who ?? one.who) &&
            one.action === (action ?? one.action) &&
            one.allowed === (allowed ?? one.allowed) &&
            Date.parse(one.at) >= sinceMs &&
            Date.parse(one.at) <= untilMs,
        );
        const text = ({ at, who, action, allowed }: Audited): string => [at, who, action, allowed].join();
        expect(found.map(text).sort()).toEqual(matching.map(text).sort());
        expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
        await rm(directory, { recursive: true });
      },
    );
    await fc.assert(property, { numRuns: 30 });
  });

  it('leaves a line aside that a crash cut off, and goes on behind it', async () => {
    const directory = await temporaryDirectory();
    const one = await journal(directory, 'one');
    one.append(entry(Date.now(), { who: 'before' }));
    await one.flush();
    const [file = ''] = await readdir(directory);
    await appendFile(join(directory, file), '{"at":"2026-');
    expect((await search(directory)).map(({ who }) => who)).toEqual(['before']);
  });

  it('tells with the next entry how many could not be written', async () => {
    const directory = await temporaryDirectory();
    const one = await journal(directory, 'one', { maxWaiting: 3 });
    for (let n = 0; n < 10; n++) one.append(entry(Date.now() + n));
    await one.flush();
    one.append(entry(Date.now() + 100, { who: 'next' }));
    await one.flush();
    const found = await search(directory);
    const lost = found.reduce((sum, { lost = 0 }) => sum + lost, 0);
    expect(lost).toBeGreaterThan(0);
    expect(found.length + lost).toBe(11);
  });

  it('keeps as many files as it may', async () => {
    const directory = await temporaryDirectory();
    const one = await journal(directory, 'one', { maxFileBytes: 1, maxFiles: 3 });
    for (let n = 0; n < 10; n++) {
      one.append(entry(Date.now(), { who: `user-${n}` }));
      await one.flush();
    }
    expect((await readdir(directory)).length).toBeLessThanOrEqual(3);
    expect((await search(directory)).map(({ who }) => who)).toContain('user-9');
  });
});

describe('lines from behind', () => {
  it('are those of the text', async () => {
    const directory = await temporaryDirectory();
    const lines = Array.from({ length: 2_000 }, (_, n) => `${n}-${'x'.repeat((n * 37) % 300)}`);
    const path = join(directory, 'lines');
    await appendFile(path, lines.map((line) => `${line}\n`).join(''));
    const read: string[] = [];
    for await (const line of linesBackwards(path)) read.push(line);
    expect(read).toEqual(lines.toReversed());
  });
});
