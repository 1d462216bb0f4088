import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createAuthState } from '#libs/auth/state.ts';
import { openDirectory } from '#libs/ldap/directory.ts';
import { createDirectorySource } from '#services/frontend/auth/sources/directory-source.ts';
import { ALICE, COMPANY, companySettings, PEOPLE, person, SERVICE } from '#test/support/company-directory.ts';
import { startLdapServer, type LdapServer } from '#test/support/ldap-server.ts';
import { json, type TestFrontend } from '../harness.ts';
import { guardedOfEachTest } from './harness.ts';
import { basic, bearer, giveToken, grant, makeUser } from './people.ts';

const guarded = guardedOfEachTest({ directoryPassword: SERVICE.password });
const alice = basic(ALICE.name, ALICE.password);
const MINUTE_MS = 60_000;

let server: LdapServer;
beforeEach(async () => {
  server = await startLdapServer({ entries: COMPANY });
  onTestFinished(() => server.close());
  await setDirectory({ trustSeconds: 60 });
});

async function setDirectory(change: object = {}): Promise<void> {
  const { memory, known } = guarded();
  const record = { ...companySettings(server.url, change), id: randomUUID(), createdAtMs: 0 };
  memory.put('directory', 'corp', record);
  await known();
}

async function statusOf(headers: Record<string, string>, path = '/v2/', at?: TestFrontend): Promise<number> {
  return (await (at ?? guarded().us).send('GET', path, { headers })).status;
}

async function self(headers: Record<string, string>): Promise<unknown> {
  return json(await guarded().us.send('GET', '/meridian/v1/auth/self', { headers }));
}

describe('a user of a directory', () => {
  it('logs in with his password of the directory, in its groups, in every region, and is asked for once', async () => {
    const { memory, us, eu, dev, push } = guarded();
    await push('team/app', dev);
    grant(memory, 'puller', 'group:corp/devs', 'team/**');
    expect(await self(alice)).toEqual({ name: 'alice', kind: 'user', groups: ['corp/devs'] });
    for (const region of [us, eu])
      expect(await statusOf(alice, '/v2/team/app/manifests/latest', region)).toBe(200);
    const asked = server.binds.length;
    for (let time = 0; time < 20; time++)
      expect(await statusOf(alice, '/v2/team/app/manifests/latest')).toBe(200);
    expect(server.binds).toHaveLength(asked);
  });

  it('can never come in by a name of the registry, and such a one is never told to the directory', async () => {
    const { memory, known } = guarded();
    const own = makeUser(memory, 'alice');
    await known();
    expect(await statusOf(alice)).toBe(401);
    expect(await statusOf(own.basic)).toBe(200);
    expect(server.binds.map(({ password }) => password)).not.toContain(ALICE.password);
    expect(server.binds.map(({ dn }) => dn)).not.toContain(`uid=alice,${PEOPLE}`);
  });

  it('has no rights of groups that are called alike in the registry', async () => {
    const { memory, dev, push } = guarded();
    await push('team/app', dev);
    grant(memory, 'administrator', 'group:devs', '**');
    await guarded().known();
    expect(await statusOf(alice, '/v2/team/app/manifests/latest')).toBe(404);
    const devs = COMPANY.find(({ dn }) => dn.startsWith('cn=devs'))?.dn ?? '';
    await setDirectory({ groupNames: { [devs.toUpperCase().replace(',', ' , ')]: 'devs' } });
    expect(await statusOf(alice, '/v2/team/app/manifests/latest')).toBe(200);
  });

  it('who is disabled or changes groups in the directory is so here after the time it is relied on (CVE-2025-23208)', async () => {
    const { memory, us, clock, dev, push, known } = guarded();
    await push('team/app', dev);
    grant(memory, 'puller', 'group:corp/devs', 'team/**');
    await known();
    const path = '/v2/team/app/manifests/latest';
    const token = json(
      await us.send('GET', '/meridian/v1/token?scope=repository:team/app:pull', { headers: alice }),
    ) as { token: string; expires_in: number; refresh_token?: string };
    expect(token.expires_in).toBeLessThanOrEqual(60);
    const [group] = COMPANY.filter(({ dn }) => dn.startsWith('cn=devs'));
    if (group === undefined) expect.unreachable();
    server.entries.set(group.dn, { ...group, attributes: { ...group.attributes, member: [] } });
    for (const headers of [alice, bearer(token.token)]) expect(await statusOf(headers, path)).toBe(200);
    clock.advance(MINUTE_MS);
    expect(await statusOf(alice, path)).toBe(404);
    expect(await statusOf(bearer(token.token), path)).toBe(401);

    server.entries.set(group.dn, group);
    clock.advance(MINUTE_MS);
    expect(await statusOf(alice, path)).toBe(200);
    server.entries.delete(`uid=alice,${PEOPLE}`);
    clock.advance(MINUTE_MS);
    expect(await statusOf(alice, path)).toBe(401);
  });

  it('who has a token of the registry is looked up in the directory too, and gets no refresh token', async () => {
    const { memory, us, clock, known } = guarded();
    const offline = '/meridian/v1/token?offline_token=true';
    expect(json(await us.send('GET', offline, { headers: alice }))).not.toHaveProperty('refresh_token');
    const { id } = JSON.parse(memory.record('principal', 'alice')) as { id: string };
    const own = giveToken(memory, 'alice', id);
    await known();
    expect(await self(own.basic)).toMatchObject({ name: 'alice', groups: ['corp/devs'] });
    expect(server.binds.map(({ password }) => password)).not.toContain(own.secret);
    server.entries.delete(`uid=alice,${PEOPLE}`);
    clock.advance(MINUTE_MS);
    expect(await statusOf(own.basic)).toBe(401);
  });

  it('is out at once when the directory is taken away, or described anew', async () => {
    const { memory, us, known } = guarded();
    const { token } = json(await us.send('GET', '/meridian/v1/token', { headers: alice })) as {
      token: string;
    };
    expect(await statusOf(bearer(token))).toBe(200);
    await setDirectory();
    expect(await statusOf(bearer(token))).toBe(401);
    memory.remove('directory', 'corp');
    await known();
    expect(await statusOf(alice)).toBe(401);
  });
});

describe('a directory', () => {
  it('that has another entry of the name is not taken for one that vouches for who had it before', async () => {
    const { memory, clock } = guarded();
    await self(alice);
    const before = JSON.parse(memory.record('principal', 'alice')) as { id: string };
    const own = giveToken(memory, 'alice', before.id);
    const [other] = [person('alice', ALICE.password, '1c9c2f7a-0000-4000-8000-00000000000f')];
    server.entries.set(other.dn, other);
    clock.advance(MINUTE_MS);
    expect(await statusOf(alice)).toBe(200);
    const after = JSON.parse(memory.record('principal', 'alice')) as { id: string };
    expect(after.id).not.toBe(before.id);
    expect(await statusOf(own.basic)).toBe(401);
  });

  it.each(['alice)(uid=*', '*', 'alice)(|(uid=*', 'a*', 'alice\\2a', 'alice\u0000', '(uid=alice)'])(
    'is not told the name %j as a part of its question (LDAP injection)',
    async (name) => {
      for (const password of [ALICE.password, 'another password'])
        expect(await statusOf(basic(name, password))).toBe(401);
      expect(server.binds.map(({ dn }) => dn)).not.toContain(`uid=alice,${PEOPLE}`);
    },
  );

  it('is never asked without a password, which it would take for a bind of nobody', async () => {
    expect(await statusOf(basic('alice', ''))).toBe(401);
    expect(server.binds.filter(({ password }) => password === '')).toEqual([]);
  });

  it('that is away or silent leaves users of the registry alone; others are told so, and are refused nothing for good', async () => {
    const { dev, us } = guarded();
    await setDirectory({ timeoutMs: 500 });
    server.hang();
    const answer = await us.send('GET', '/v2/', { headers: alice });
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBeDefined();
    expect(answer.body.toString()).toContain('The directory');
    await server.close();
    expect(await statusOf(alice)).toBe(503);
    // So that its outage does not tell which names the registry has itself.
    expect(await statusOf(basic('dev', 'a wrong password'))).toBe(503);
    expect(await statusOf(dev.basic)).toBe(200);
  });

  it('that sends elsewhere is not followed', async () => {
    const elsewhere = await startLdapServer({ entries: COMPANY });
    onTestFinished(() => elsewhere.close());
    server.refer(elsewhere.url);
    expect(await statusOf(alice)).toBe(503);
    expect(elsewhere.binds).toEqual([]);
    expect(elsewhere.mostConnections()).toBe(0);
  });

  it('is asked over few connections, however many log in', async () => {
    const state = createAuthState();
    const record = { ...companySettings(server.url), id: randomUUID(), createdAtMs: 0 };
    const entry = { kind: 'directory', name: 'corp', record: JSON.stringify(record), version: 1 };
    state.apply({ reset: true, entries: [entry] });
    const source = createDirectorySource({
      open: (settings) => openDirectory({ settings, readPassword: () => SERVICE.password }),
      admit: async () => expect.unreachable('nobody gives the right password'),
      clock: Date.now,
    });
    const logins = Array.from({ length: 50 }, (_, at) =>
      source.check(state, { name: `user-${at}`, password: 'a password' }, AbortSignal.timeout(30_000)),
    );
    expect(new Set(await Promise.all(logins))).toEqual(new Set([undefined]));
    expect(server.mostConnections()).toBeLessThanOrEqual(8);
  });

  it('is asked the same of a name that is there and of one that is not', async () => {
    const asked = async (name: string): Promise<number> => {
      const before = server.binds.length;
      expect(await statusOf(basic(name, 'a wrong password'))).toBe(401);
      return server.binds.length - before;
    };
    const there = await asked('alice');
    expect(await asked('nobody')).toBe(there);
    // One of the registry itself, too.
    expect(await asked('dev')).toBe(there);
  });
});
