import { expect, it } from 'vitest';
import { identify, type Identity } from '#libs/auth/identity.ts';
import { parsePrincipalName } from '#libs/auth/names.ts';
import { describeStores, type Subject } from '#test/contract/etcd/stores.ts';
import { companySettings } from '#test/support/company-directory.ts';
import { codeOf, until } from './asks.ts';
import { changePrincipal, follow, grant, makeAdministrator, makeToken, makeUser } from './identities.ts';
import { removePrincipal } from './identities.ts';
import { openRegion, type TestRegion } from './regions.ts';

const context = () => ({ signal: AbortSignal.timeout(30_000) });
const CORP = JSON.stringify(companySettings('ldaps://ldap.example.net'));

function setDirectory({ auth }: TestRegion, name = 'corp', settings = CORP) {
  return auth.setDirectory({ name, settings, ifVersion: 0 }, context());
}

async function openRegistry({ client }: Subject) {
  const us = await openRegion({ etcd: client, client, region: 'us' });
  await makeAdministrator(us);
  const { state, may } = follow(us);
  await setDirectory(us);
  await until('it is known', async () => state.directory('corp') !== undefined);
  const admit = (name: string, subject: string, groups: string[] = [], id = state.directory('corp')?.id) => {
    const request = { name, directory: 'corp', directoryId: id ?? '', subject, groups };
    return us.auth.admitUser(request, context());
  };
  const identityOf = (name: string, id: string): Identity | undefined => {
    const credential = `directory:${state.directory('corp')?.id ?? ''}` as const;
    const untilMs = Date.now() + 60_000;
    return identify(state, { name: parsePrincipalName(name), id, credential, untilMs }, Date.now());
  };
  return { us, state, may, admit, identityOf };
}

describeStores((subject) => {
  it('keeps a user of a directory with the groups that he is in there, and those that he was given here', async () => {
    const { us, state, may, admit, identityOf } = await openRegistry(subject());
    const { id } = await admit('alice', 'entry-1', ['corp/devs']);
    await grant(us, 'developer', 'group:corp/devs', 'team/**');
    await grant(us, 'puller', 'group:local', 'other/**');
    await changePrincipal(us, 'alice', { groups: ['local'] });
    await until('it is known', async () => may(identityOf('alice', id), 'push', 'team/app'));
    expect(may(identityOf('alice', id), 'pull', 'other/app')).toBe(true);
    expect((await admit('alice', 'entry-1', [])).id).toBe(id);
    await until('it is known', async () => !may(identityOf('alice', id), 'push', 'team/app'));
    expect(may(identityOf('alice', id), 'pull', 'other/app')).toBe(true);
    // Nothing that he proves counts without an end.
    const proven = { name: parsePrincipalName('alice'), id } as const;
    const own = await makeToken(us, 'alice');
    await until('it is known', async () => state.token(own.id) !== undefined);
    const credential = `token:${own.id}` as const;
    expect(identify(state, { ...proven, credential }, Date.now())).toBeUndefined();
    const untilMs = Date.now() + 60_000;
    expect(identify(state, { ...proven, credential, untilMs }, Date.now())).toBeDefined();
  });

  it('gives another entry of a name nothing of what the one before it had', async () => {
    const { us, state, may, admit, identityOf } = await openRegistry(subject());
    const { id } = await admit('alice', 'entry-1');
    await grant(us, 'developer', 'user:alice', 'team/**');
    const own = await makeToken(us, 'alice');
    await until(
      'it is known',
      async () => may(identityOf('alice', id), 'push', 'team/app') && state.token(own.id) !== undefined,
    );
    const after = await admit('alice', 'entry-2');
    expect(after.id).not.toBe(id);
    await until('it is known', async () => identityOf('alice', after.id) !== undefined);
    expect(identityOf('alice', id)).toBeUndefined();
    expect(may(identityOf('alice', after.id), 'see', 'team/app')).toBe(false);
    expect(state.token(own.id)).toBeUndefined();
  });

  it('keeps who is disabled out, by whichever entry he comes', async () => {
    const { us, state, admit, identityOf } = await openRegistry(subject());
    const { id } = await admit('alice', 'entry-1');
    await changePrincipal(us, 'alice', { disabled: true });
    await until('it is known', async () => state.principal('alice')?.disabled === true);
    expect((await admit('alice', 'entry-2')).id).toBe(id);
    expect(identityOf('alice', id)).toBeUndefined();
  });

  it('gives a name that is another’s to nobody, and one entry one name', async () => {
    const { us, state, admit } = await openRegistry(subject());
    await makeUser(us, 'bob');
    await until('it is known', async () => state.principal('bob') !== undefined);
    expect(await codeOf(admit('bob', 'entry-1'))).toBe('DENIED');
    expect(await codeOf(admit('admin', 'entry-1'))).toBe('DENIED');
    await admit('alice', 'entry-1');
    await until('it is known', async () => state.principal('alice') !== undefined);
    expect(await codeOf(admit('alice.smith', 'entry-1'))).toBe('DENIED');
    await removePrincipal(us, 'alice');
    await admit('alice.smith', 'entry-1');
    expect(await codeOf(changePrincipal(us, 'alice.smith', { passwordHash: hashOf(state) }))).toBe(
      'REQUEST_INVALID',
    );
  });

  it('takes the word of a directory only as it is described now, and has one at a time', async () => {
    const { us, state, admit } = await openRegistry(subject());
    const before = state.directory('corp')?.id;
    await setDirectory(us);
    expect(await codeOf(admit('alice', 'entry-1', [], before))).toBe('CONFLICT');
    expect(await codeOf(setDirectory(us, 'other'))).toBe('CONFLICT');
    expect(await codeOf(setDirectory(us, 'Corp'))).toBe('REQUEST_INVALID');
    const WRONG = [
      { urls: ['http://ldap.example.net'] },
      { urls: ['ldaps://user:secret@ldap.example.net'] },
      { urls: [] },
      { users: { base: 'dc=net', filter: '(uid=alice)' } },
      { users: { base: 'dc=net', filter: '(uid={name}' } },
      { trustSeconds: 86_400 },
      { password: 'the password of the registry' },
    ];
    for (const change of WRONG) {
      const settings = JSON.stringify(companySettings('ldaps://ldap.example.net', change));
      expect(await codeOf(setDirectory(us, 'corp', settings)), settings).toBe('REQUEST_INVALID');
    }
    await us.auth.removeDirectory({ name: 'corp', ifVersion: 0 }, context());
    await setDirectory(us, 'other');
  });
});

function hashOf(state: Awaited<ReturnType<typeof openRegistry>>['state']): string {
  const admin = state.principal('admin');
  return (admin?.kind === 'user' ? admin.password?.hash : undefined) ?? '';
}
