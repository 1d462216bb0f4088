import { expect, it } from 'vitest';
import { MAX_TOKENS_PER_PRINCIPAL } from '#libs/auth/limits.ts';
import { issuerRecord, type IssuerRecord } from '#libs/auth/issuer.ts';
import type { UserRecord } from '#libs/auth/records.ts';
import { createSecret } from '#libs/auth/secret.ts';
import type { AuthChanged } from '#types/meridian/v1/AuthChanged.ts';
import { describeStores, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, until } from './asks.ts';
import {
  changePrincipal,
  follow,
  grant,
  makeAdministrator,
  makeRobot,
  makeToken,
  makeUser,
  PASSWORD_HASH,
  principalOf,
  removePrincipal,
} from './identities.ts';
import { openRegion, type TestRegion } from './regions.ts';

const context = () => ({ signal: AbortSignal.timeout(30_000) });
const PEOPLE = {
  clientId: 'meridian',
  clientSecret: 'of the client',
  scopes: [],
  nameClaim: 'email',
  sessionMs: 3_600_000,
};

/** All tests share a registry: each has names of its own. */
async function open({ client }: Subject): Promise<TestRegion> {
  const us = await openRegion({ etcd: client, client });
  await makeAdministrator(us);
  return us;
}

function changeIssuer(
  { auth }: TestRegion,
  name: string,
  change: object,
  make = false,
): Promise<AuthChanged> {
  return auth.changeIssuer({ name, make, change: JSON.stringify(change), ifVersion: 0 }, context());
}

async function addIssuer(
  region: TestRegion,
  name: string,
  change: object = { people: PEOPLE },
): Promise<IssuerRecord> {
  return issuerOf(await changeIssuer(region, name, { url: `https://${name}.example.net`, ...change }, true));
}

function logIn(
  { auth }: TestRegion,
  issuer: string,
  { id }: IssuerRecord,
  person: { subject: string; name: string; groups?: string[] },
  secret = createSecret('token'),
): Promise<AuthChanged> {
  return auth.logIn(
    {
      issuer,
      issuerId: id,
      person: JSON.stringify({ groups: [], ...person }),
      tokenId: secret.id,
      tokenSha256: secret.sha256,
    },
    context(),
  );
}

function issuerOf({ entry }: AuthChanged): IssuerRecord {
  return issuerRecord.parse(JSON.parse(entry?.record ?? ''));
}

function userOf(changed: AuthChanged): UserRecord {
  return principalOf(changed) as UserRecord;
}

describeStores((subject) => {
  it('keeps issuers, each of a name and a URL of its own, and changes what is named', async () => {
    const us = await open(subject());
    const made = await addIssuer(us, 'one');
    expect(made).toMatchObject({
      url: 'https://one.example.net',
      people: PEOPLE,
      rules: [],
      allowPrivate: false,
    });
    expect(await codeOf(addIssuer(us, 'one', {}))).toBe('CONFLICT');
    expect(await codeOf(changeIssuer(us, 'uno', { url: made.url }, true))).toBe('CONFLICT');
    expect(await codeOf(changeIssuer(us, 'nobody', {}))).toBe('NAME_UNKNOWN');
    expect(await codeOf(changeIssuer(us, 'one', { url: 'https://other.example.net' }))).toBe(
      'REQUEST_INVALID',
    );
    for (const url of [
      'ftp://x.example',
      'https://x.example?a',
      'https://x.example/#',
      'https://a:b@x.example',
      'x',
      undefined,
    ])
      expect(await codeOf(changeIssuer(us, 'wrong', { url }, true))).toBe('REQUEST_INVALID');
    for (const name of ['One', 'a+b', 'a/b', '-a', 'a'.repeat(33), ''])
      expect(await codeOf(changeIssuer(us, name, { url: 'https://names.example.net' }, true))).toBe(
        'REQUEST_INVALID',
      );
    const changed = issuerOf(await changeIssuer(us, 'one', { people: null, allowPrivate: true }));
    expect(changed).toMatchObject({ id: made.id, sealingKey: made.sealingKey, allowPrivate: true });
    expect(changed.people).toBeUndefined();
  });

  it('takes rules for machines that ask for something, and name a robot that is there', async () => {
    const us = await open(subject());
    await addIssuer(us, 'ci', {});
    const robot = principalOf(await makeRobot(us, 'builder'));
    const rule = {
      audience: 'registry',
      claims: [{ claim: 'repository', pattern: 'team/app' }],
      robot: 'builder',
      sessionMs: 600_000,
    };
    const { rules } = issuerOf(await changeIssuer(us, 'ci', { addRule: rule }));
    expect(rules).toEqual([{ id: expect.any(String) as string, robotId: robot.id, ...rule }]);
    for (const wrong of [
      { claims: [] },
      { claims: [{ claim: 'sub', pattern: '**' }] },
      { audience: '' },
      { sessionMs: 1 },
    ])
      expect(await codeOf(changeIssuer(us, 'ci', { addRule: { ...rule, ...wrong } }))).toBe(
        'REQUEST_INVALID',
      );
    expect(await codeOf(changeIssuer(us, 'ci', { addRule: { ...rule, robot: 'nobody' } }))).toBe(
      'NAME_UNKNOWN',
    );
    const removed = issuerOf(await changeIssuer(us, 'ci', { removeRules: [rules[0]?.id, 'gone'] }));
    expect(removed.rules).toEqual([]);
  });

  it('makes a person once, by what he is to the issuer, with the groups of the last login alone', async () => {
    const us = await open(subject());
    const issuer = await addIssuer(us, 'corp');
    await grant(us, 'developer', 'group:corp/devs', 'team/**');
    const { state, who, may } = follow(us);
    const [first, second] = [createSecret('token'), createSecret('token')];
    const made = await logIn(
      us,
      'corp',
      issuer,
      { subject: '1', name: 'corp+al', groups: ['corp/devs'] },
      first,
    );
    expect(made.entry?.name).toBe('corp+al');
    await until('the token is known', () => state.token(first.id) !== undefined);
    expect(may(who(made, `token:${first.id}`), 'push', 'team/app')).toBe(true);
    // He is called otherwise now, and is in no group any more; the first login's token has them no longer, either.
    const again = await logIn(us, 'corp', issuer, { subject: '1', name: 'corp+alice' }, second);
    expect(again.entry?.name).toBe('corp+al');
    expect(userOf(again).id).toBe(userOf(made).id);
    await until('the token is known', () => state.token(second.id) !== undefined);
    expect(who(made, `token:${first.id}`)).toMatchObject({ name: 'corp+al', groups: [] });
    expect(may(who(made, `token:${first.id}`), 'push', 'team/app')).toBe(false);
    // A login is completed once.
    expect(await codeOf(logIn(us, 'corp', issuer, { subject: '1', name: 'corp+al' }, second))).toBe(
      'CONFLICT',
    );
  });

  it('gives nobody the name of someone else, and no name that is not of the issuer', async () => {
    const us = await open(subject());
    await makeUser(us, 'other+local');
    const issuer = await addIssuer(us, 'other');
    await logIn(us, 'other', issuer, { subject: '1', name: 'other+bob' });
    expect(await codeOf(logIn(us, 'other', issuer, { subject: '2', name: 'other+bob' }))).toBe('CONFLICT');
    expect(await codeOf(logIn(us, 'other', issuer, { subject: '2', name: 'other+local' }))).toBe('CONFLICT');
    expect(await codeOf(logIn(us, 'other', issuer, { subject: '2', name: 'bob' }))).toBe('REQUEST_INVALID');
    expect(await codeOf(makeUser(us, 'other+carol'))).toBe('REQUEST_INVALID');
    expect(await codeOf(changePrincipal(us, 'other+bob', { passwordHash: PASSWORD_HASH }))).toBe(
      'REQUEST_INVALID',
    );
  });

  it('lets nobody in who is disabled, nor whose issuer is gone, also where it is added again', async () => {
    const us = await open(subject());
    const issuer = await addIssuer(us, 'gone');
    const { state, who } = follow(us);
    const [secret, personal] = [createSecret('token'), createSecret('token')];
    const made = await logIn(us, 'gone', issuer, { subject: '1', name: 'gone+eve' }, secret);
    await makeToken(us, 'gone+eve', {}, personal);
    await grant(us, 'maintainer', 'user:gone+eve', 'team/**');
    await until(
      'the token is known',
      () => state.token(personal.id) !== undefined && state.bindingsOf('user:gone+eve').length > 0,
    );
    const tokens = [`token:${secret.id}`, `token:${personal.id}`] as const;
    for (const token of tokens) expect(who(made, token)).toBeDefined();
    // Nothing of his outlasts the login.
    const { login } = userOf(made);
    expect(login?.endsAtMs).toBe((login?.atMs ?? 0) + PEOPLE.sessionMs);

    await changePrincipal(us, 'gone+eve', { disabled: true });
    expect(await codeOf(logIn(us, 'gone', issuer, { subject: '1', name: 'gone+eve' }))).toBe('UNAUTHORIZED');
    await changePrincipal(us, 'gone+eve', { disabled: false });
    await us.auth.removeIssuer({ name: 'gone', ifVersion: 0 }, context());
    await until('the issuer is gone', () => state.issuer('gone') === undefined);
    for (const token of tokens) expect(who(made, token)).toBeUndefined();
    expect(await codeOf(logIn(us, 'gone', issuer, { subject: '1', name: 'gone+eve' }))).toBe('UNAUTHORIZED');

    const next = await addIssuer(us, 'gone');
    const other = await logIn(us, 'gone', next, { subject: '1', name: 'gone+eve' });
    expect(userOf(other).id).not.toBe(userOf(made).id);
    await until(
      'what was his is gone',
      () => state.bindingsOf('user:gone+eve').length === 0 && state.token(personal.id) === undefined,
    );
    for (const token of tokens) expect(who(made, token)).toBeUndefined();
    await removePrincipal(us, 'gone+eve');
  });

  it('ends the oldest login where a person has as many tokens as can be', async () => {
    const us = await open(subject());
    const issuer = await addIssuer(us, 'many');
    const { state } = follow(us);
    const secrets = Array.from({ length: MAX_TOKENS_PER_PRINCIPAL + 1 }, () => createSecret('token'));
    for (const secret of secrets) await logIn(us, 'many', issuer, { subject: '1', name: 'many+ann' }, secret);
    await until('the token is known', () => state.token(secrets.at(-1)?.id ?? '') !== undefined);
    expect(state.tokens().filter(({ record }) => record.owner === 'many+ann')).toHaveLength(
      MAX_TOKENS_PER_PRINCIPAL,
    );
  });
});
