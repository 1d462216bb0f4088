import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MAX_BINDINGS_PER_PRINCIPAL, MAX_SECRETS, MAX_TOKENS_PER_PRINCIPAL } from '#libs/auth/limits.ts';
import type { TokenRecord } from '#libs/auth/records.ts';
import { createSecret } from '#libs/auth/secret.ts';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import { HEAD_KEY, PREFIX } from '#services/replication/catalog/keys.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, errorOf, until } from './asks.ts';
import {
  changePrincipal,
  follow,
  grant,
  makeAdministrator,
  makeRobot,
  makeToken,
  makeUser,
  PASSWORD_HASH,
  bindingOf,
  principalOf,
  robotOf,
  removePrincipal,
  removeToken,
  revoke,
} from './identities.ts';
import { openRegion, type TestRegion } from './regions.ts';

/** All tests share a registry: each has names of its own. */
async function open({ client }: Subject): Promise<TestRegion> {
  const us = await openRegion({ etcd: client, client });
  await makeAdministrator(us);
  return us;
}

describeStores((subject) => {
  it('has no identities to change before there is an administrator, and makes one exactly once', async () => {
    const { client } = subject();
    const regions = await Promise.all(
      (['us', 'eu', 'ap'] as const).map((region) => openRegion({ etcd: client, client, region })),
    );
    const [us] = regions as [TestRegion];
    expect(await codeOf(makeUser(us, 'alice'))).toBe('CONFLICT');
    const outcomes = await Promise.all(
      regions.map((region) => makeAdministrator(region, `admin-${region.region}`)),
    );
    expect(outcomes.filter(({ made }) => made)).toHaveLength(1);
    const { kvs } = await client.range(
      { key: `${PREFIX}auth/principal/`, rangeEnd: prefixEnd(`${PREFIX}auth/principal/`) },
      testSignal(),
    );
    expect(kvs).toHaveLength(1);
    expect((await makeAdministrator(us)).made).toBe(false);
  });

  it('keeps what it knows in files that only their owner can read', async () => {
    const us = await open(subject());
    await makeUser(us, 'private');
    for (const file of readdirSync(us.dataDir)) {
      expect(statSync(join(us.dataDir, file)).mode & 0o077).toBe(0);
    }
  });

  it('puts the head with each change', async () => {
    const us = await open(subject());
    const { position, entry } = await makeUser(us, 'heady');
    const { kvs } = await subject().client.range({ key: HEAD_KEY }, testSignal());
    expect(kvs[0]?.modRevision).toBe(position?.revision);
    expect(entry?.version).toBe(position?.revision);
    expect(us.view.position().revision).toBe(position?.revision);
  });

  it('changes what is named, and nothing else', async () => {
    const us = await open(subject());
    const made = principalOf(
      await makeUser(us, 'change', { passwordHash: PASSWORD_HASH, groups: ['b', 'a', 'b'] }),
    );
    expect(made).toMatchObject({ kind: 'user', groups: ['a', 'b'], disabled: false });
    const disabled = principalOf(
      await changePrincipal(us, 'change', { disabled: true, description: 'gone' }),
    );
    expect(disabled).toEqual({ ...made, disabled: true, description: 'gone' });
    const again = principalOf(await changePrincipal(us, 'change', { disabled: false, description: null }));
    expect(again).toEqual(made);
  });

  it('writes nothing for a change that changes nothing', async () => {
    const us = await open(subject());
    const made = await makeUser(us, 'same');
    const again = await changePrincipal(us, 'same', { disabled: false });
    expect(again.entry?.version).toBe(made.entry?.version);
  });

  it('refuses what is based on an older version', async () => {
    const us = await open(subject());
    const made = await makeUser(us, 'versions');
    await changePrincipal(us, 'versions', { groups: ['x'] }, made.entry?.version);
    const stale = changePrincipal(us, 'versions', { groups: ['y'] }, made.entry?.version);
    expect(await codeOf(stale)).toBe('PRECONDITION_FAILED');
    expect(await codeOf(removePrincipal(us, 'versions', made.entry?.version))).toBe('PRECONDITION_FAILED');
  });

  it('has one principal of a name, whatever its kind', async () => {
    const us = await open(subject());
    await makeRobot(us, 'only-one');
    expect((await errorOf(makeUser(us, 'only-one'))).message).toContain(
      'There is a robot "only-one" already',
    );
    expect(await codeOf(changePrincipal(us, 'nobody', {}))).toBe('NAME_UNKNOWN');
    const names = ['first', 'second'].map(() => makeUser(us, 'raced'));
    const outcomes = await Promise.allSettled(names);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it.each([
    ['REQUEST_INVALID', 'Upper', {}],
    ['REQUEST_INVALID', 'a:b', {}],
    ['REQUEST_INVALID', 'x'.repeat(129), {}],
    ['REQUEST_INVALID', 'valid', { groups: ['with space'] }],
    ['REQUEST_INVALID', 'valid', { groups: Array.from({ length: 51 }, (_, i) => `g${i}`) }],
    ['REQUEST_INVALID', 'valid', { passwordHash: 'plain' }],
    ['REQUEST_INVALID', 'valid', { unknown: 1 }],
    ['REQUEST_INVALID', 'valid', { description: 'x'.repeat(70_000) }],
    ['REQUEST_INVALID', 'valid', { addSecret: createSecret('robot') }],
  ])('says %s for a user %j of %j, without repeating what came', async (code, name, change) => {
    const us = await open(subject());
    const error = await errorOf(makeUser(us, name, change));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('plain');
  });

  it('gives robots secrets, of which those that have expired make room', async () => {
    const us = await open(subject());
    const add = (expiresAtMs: number) => {
      const { id, sha256 } = createSecret('robot');
      return changePrincipal(us, 'secretive', { addSecret: { id, sha256, expiresAtMs } });
    };
    await makeRobot(us, 'secretive');
    await add(1);
    for (let i = 0; i < MAX_SECRETS; i++) await add(Date.now() + 3_600_000);
    expect(await codeOf(add(Date.now() + 3_600_000))).toBe('CONFLICT');
    const { secrets } = robotOf(await changePrincipal(us, 'secretive', {}));
    expect(secrets).toHaveLength(MAX_SECRETS);
    const removed = await changePrincipal(us, 'secretive', { removeSecrets: [secrets[0]?.id] });
    expect(robotOf(removed).secrets).toEqual(secrets.slice(1));
    expect(await codeOf(changePrincipal(us, 'secretive', { passwordHash: PASSWORD_HASH }))).toBe(
      'REQUEST_INVALID',
    );
  });

  it('removes with someone all that is his', async () => {
    const us = await open(subject());
    const told = follow(us);
    await makeUser(us, 'leaver');
    for (let i = 0; i < MAX_TOKENS_PER_PRINCIPAL; i++) await makeToken(us, 'leaver');
    for (let i = 0; i < MAX_BINDINGS_PER_PRINCIPAL; i++) await grant(us, 'puller', 'user:leaver', `r${i}`);
    expect(await codeOf(makeToken(us, 'leaver'))).toBe('CONFLICT');
    expect(await codeOf(grant(us, 'puller', 'user:leaver', 'more'))).toBe('CONFLICT');
    await removePrincipal(us, 'leaver');
    await until('the removal is told', () => told.state.principal('leaver') === undefined);
    expect(told.state.bindingsOf('user:leaver')).toEqual([]);
    expect(told.state.tokens().filter(({ record }) => record.owner === 'leaver')).toEqual([]);
  });

  it('takes one who is made again for someone else', async () => {
    const us = await open(subject());
    const told = follow(us);
    const first = await makeUser(us, 'phoenix');
    const binding = await grant(us, 'developer', 'user:phoenix', 'team/**');
    const token = await makeToken(us, 'phoenix');
    await until('the token is told', () => told.state.token(token.id) !== undefined);
    expect(told.may(told.who(first, `token:${token.id}`), 'push', 'team/app')).toBe(true);
    await removePrincipal(us, 'phoenix');
    const second = await makeUser(us, 'phoenix');
    await until('the second is told', () => told.who(second) !== undefined);
    expect(told.who(first)).toBeUndefined();
    expect(told.who(first, `token:${token.id}`)).toBeUndefined();
    expect(told.may(told.who(second), 'see', 'team/app')).toBe(false);
    // Not even where the old binding had been left.
    told.state.apply({ reset: false, entries: [binding.entry ?? expect.unreachable()] });
    expect(told.may(told.who(second), 'see', 'team/app')).toBe(false);
  });

  it('gives a role once, however often it is given, to whoever has the name now', async () => {
    const us = await open(subject());
    const { id } = principalOf(await makeUser(us, 'bound'));
    const binding = await grant(us, 'developer', 'user:bound', 'team/**');
    expect(bindingOf(binding)).toMatchObject({ role: 'developer', subjectId: id });
    const again = await grant(us, 'developer', 'user:bound', 'team/**');
    expect(again.entry).toEqual(binding.entry);
    await revoke(us, binding);
    expect(await codeOf(revoke(us, binding))).toBe('NAME_UNKNOWN');
  });

  it.each([
    ['developer', 'user:nobody', '**', 'NAME_UNKNOWN'],
    ['developer', 'robot:admin', '**', 'NAME_UNKNOWN'],
    ['owner', 'anyone', '**', 'REQUEST_INVALID'],
    ['developer', 'everyone', '**', 'REQUEST_INVALID'],
    ['developer', 'anyone', 'Team/*', 'REQUEST_INVALID'],
    ['administrator', 'anyone', '**', 'REQUEST_INVALID'],
    ['administrator', 'authenticated', 'team/**', 'REQUEST_INVALID'],
  ])('does not give %s to %s on %s: %s', async (role, who, pattern, code) => {
    const us = await open(subject());
    expect(await codeOf(grant(us, role, who, pattern))).toBe(code);
  });

  it('narrows tokens, which only users have', async () => {
    const us = await open(subject());
    await makeUser(us, 'narrow');
    await makeRobot(us, 'narrow-robot');
    const details = {
      grants: [{ actions: ['pull'], repositories: 'team/**' }],
      expiresAtMs: 9_999_999_999_999,
    };
    const secret = await makeToken(us, 'narrow', details);
    const record = us.view.authRow('token', secret.id)?.record ?? Buffer.from('');
    expect(JSON.parse(Buffer.from(record).toString()) as TokenRecord).toMatchObject({
      owner: 'narrow',
      ...details,
    });
    expect(Buffer.from(record).toString()).not.toContain(secret.text);
    expect(await codeOf(makeToken(us, 'narrow', {}, secret))).toBe('CONFLICT');
    expect(await codeOf(makeToken(us, 'narrow-robot'))).toBe('REQUEST_INVALID');
    expect(await codeOf(makeToken(us, 'nobody'))).toBe('NAME_UNKNOWN');
    expect(
      await codeOf(makeToken(us, 'narrow', { grants: [{ actions: ['fly'], repositories: '**' }] })),
    ).toBe('REQUEST_INVALID');
    await removeToken(us, secret.id);
    expect(await codeOf(removeToken(us, secret.id))).toBe('NAME_UNKNOWN');
  });
});
