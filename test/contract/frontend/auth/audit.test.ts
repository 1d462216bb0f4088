import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuditEntry } from '#services/frontend/audit/entry.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { errorCode, imageManifest, json, someBytes, type TestFrontend } from '../harness.ts';
import { guardedOfEachTest } from './harness.ts';
import { basic, type Person } from './people.ts';

const guarded = guardedOfEachTest();
const IMAGE = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };

/** A front end that keeps a journal. */
async function audited(): Promise<{ ap: TestFrontend; directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-audit-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const { open, admin } = guarded();
  const ap = await open(memoryRegions('ap').ap, { auditDirectory: directory });
  const login = () => ap.send('GET', '/meridian/v1/token', { headers: admin.basic });
  await expect.poll(async () => (await login()).status, { interval: 5, timeout: 10_000 }).toBe(200);
  return { ap, directory };
}

async function read(ap: TestFrontend, query = ''): Promise<{ entries: AuditEntry[]; next?: string }> {
  const answer = await ap.send('GET', `/meridian/v1/audit${query}`, { headers: guarded().admin.basic });
  expect(answer.status).toBe(200);
  return json(answer) as { entries: AuditEntry[]; next?: string };
}

/** Once there are so many. */
async function entriesOf(ap: TestFrontend, count: number): Promise<AuditEntry[]> {
  await expect
    .poll(async () => (await read(ap)).entries.length, { interval: 5, timeout: 10_000 })
    .toBe(count);
  return (await read(ap)).entries;
}

describe('the audit', () => {
  it('tells who changed what, who was refused, and who gave a wrong password; not what was read', async () => {
    const { dev, guest, stranger } = guarded();
    const { ap, directory } = await audited();
    const path = '/v2/team/app/manifests/1';
    const put = (who: Person) =>
      ap.send('PUT', path, { headers: { ...who.basic, ...IMAGE }, body: imageManifest(someBytes(5)) });
    const done = [
      (await put(guest)).status,
      (await put(stranger)).status,
      // Admitted, but there is no such layer.
      (await put(dev)).status,
      (await ap.send('GET', '/v2/team/app/tags/list', { headers: dev.basic })).status,
      (await ap.send('GET', '/v2/team/app/tags/list')).status,
      (await ap.send('GET', '/v2/team/app/tags/list', { headers: stranger.basic })).status,
      (await ap.send('GET', '/meridian/v1/token', { headers: basic('dev', 'a wrong password') })).status,
      (await ap.send('GET', '/v2/', { headers: basic('My Secret Passw0rd', 'dev') })).status,
      (await ap.send('POST', '/v2/team/app/blobs/uploads/', { headers: dev.basic })).status,
    ];
    expect(done.map((status) => Math.floor(status / 100))).toEqual([4, 4, 4, 4, 4, 4, 4, 4, 2]);
    const entries = await entriesOf(ap, 6);
    const told = entries.map(({ who, action, allowed, method }) => [who, action, allowed, method].join(' '));
    expect(told.toSorted()).toEqual(
      [
        'guest push false PUT',
        'stranger push false PUT',
        'dev push true PUT',
        'stranger see false GET',
        'dev login false GET',
        ' login false GET',
      ].toSorted(),
    );
    const pushed = entries.find(({ who, action }) => who === 'dev' && action === 'push');
    expect(pushed).toMatchObject({
      ...{ region: 'ap', whoId: dev.id, from: '127.0.0.1', path, repository: 'team/app' },
      code: 'MANIFEST_BLOB_UNKNOWN',
    });
    const text = (
      await Promise.all((await readdir(directory)).map((file) => readFile(join(directory, file), 'utf8')))
    ).join('');
    for (const secret of [dev.secret, 'wrong password', 'Passw0rd']) expect(text).not.toContain(secret);
  });

  it('is searched page by page', async () => {
    const { guest } = guarded();
    const { ap } = await audited();
    for (let n = 0; n < 5; n++) {
      await ap.send('DELETE', `/v2/team/app${n % 2}/manifests/t${n}`, { headers: guest.basic });
    }
    const all = await entriesOf(ap, 5);
    const first = await read(ap, '?n=3');
    const second = await read(ap, `?n=3&last=${first.next ?? ''}`);
    expect([...first.entries, ...second.entries]).toEqual(all);
    expect(second.next).toBeUndefined();
    const found = await read(
      ap,
      '?repository=team/app1&who=guest&action=delete&allowed=false&since=2000-01-01',
    );
    expect(found.entries.map(({ path }) => path)).toEqual([
      '/v2/team/app1/manifests/t3',
      '/v2/team/app1/manifests/t1',
    ]);
    expect((await read(ap, '?until=2000-01-01')).entries).toEqual([]);
  });

  it('says so where it is not kept', async () => {
    const { us, admin } = guarded();
    const answer = await us.send('GET', '/meridian/v1/audit', { headers: admin.basic });
    expect([answer.status, errorCode(answer)]).toEqual([405, 'UNSUPPORTED']);
  });

  it('is for administrators', async () => {
    const { dev } = guarded();
    const { ap } = await audited();
    const statuses = [];
    for (const headers of [{}, dev.basic]) {
      statuses.push((await ap.send('GET', '/meridian/v1/audit', { headers })).status);
    }
    expect(statuses).toEqual([401, 403]);
  });

  it.each(['allowed=maybe', 'since=yesterday', 'until=x', 'last=1', 'n=x'])(
    'says what is wrong with %s',
    async (query) => {
      const { admin } = guarded();
      const { ap } = await audited();
      const answer = await ap.send('GET', `/meridian/v1/audit?${query}`, { headers: admin.basic });
      expect([answer.status, errorCode(answer)]).toEqual([400, expect.stringMatching(/_INVALID$/)]);
    },
  );
});
