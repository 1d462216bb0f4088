import { expect, it } from 'vitest';
import { AUTH_STATE_KEY, HEAD_KEY } from '#services/replication/catalog/keys.ts';
import { headRecord } from '#services/replication/catalog/records.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { errorOf, until } from './asks.ts';
import {
  changePrincipal,
  follow,
  grant,
  makeAdministrator,
  makeUser,
  PASSWORD_HASH,
  principalOf,
  removePrincipal,
  revoke,
} from './identities.ts';
import { lossyStore } from './lossy-store.ts';
import { openRegion, type TestRegion } from './regions.ts';

const open = ({ client }: Subject) => openRegion({ etcd: client, client });

async function refusal(promise: Promise<unknown>): Promise<string> {
  const { code, message } = await errorOf(promise);
  expect(code).toBe('CONFLICT');
  return message;
}

/** Also where an earlier test has made one already. */
async function administered(subject: Subject): Promise<TestRegion> {
  const us = await open(subject);
  await makeAdministrator(us);
  return us;
}

describeStores((subject) => {
  it('knows of an answer that was lost whether the first administrator was made', async () => {
    const etcd = await lossyStore(subject());
    const us = await openRegion({ etcd, client: subject().client });
    etcd.lose(1);
    expect((await makeAdministrator(us)).made).toBe(true);
    expect(etcd.outcomes.slice(-2)).toEqual(['unknown', 'failed']);
    etcd.lose(1);
    const made = await makeUser(us, 'once');
    expect(made.entry?.version).toBe(made.position?.revision);
    expect(etcd.outcomes.slice(-2)).toEqual(['unknown', 'failed']);
  });

  it('always has one who can log in', async () => {
    const us = await administered(subject());
    const { state } = follow(us);
    await until('the administrator is told', () => state.bindings().length > 0);
    const [binding] = state.bindings();
    const entry = { kind: 'binding', name: binding?.name ?? '', record: '', version: 0 };
    const first = { entry, position: null };
    const left = 'Nobody would be left who can log in by a password as administrator';
    expect(await refusal(removePrincipal(us, 'admin'))).toContain(left);
    expect(await refusal(changePrincipal(us, 'admin', { disabled: true }))).toContain(left);
    expect(await refusal(changePrincipal(us, 'admin', { passwordHash: null }))).toContain(left);
    expect(await refusal(changePrincipal(us, 'admin', { expiresAtMs: Date.now() + 1_000 }))).toContain(left);
    expect(await refusal(revoke(us, first))).toContain(left);

    await makeUser(us, 'second', { passwordHash: PASSWORD_HASH, groups: ['admins'] });
    await grant(us, 'administrator', 'group:admins', 'team/**');
    expect(await refusal(revoke(us, first))).toContain(left);
    await grant(us, 'administrator', 'group:admins', '**');
    const outcomes = await Promise.allSettled([
      changePrincipal(us, 'admin', { disabled: true }),
      changePrincipal(us, 'second', { groups: [] }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('makes one again where an operator has taken away the mark of the first', async () => {
    const us = await administered(subject());
    const { client } = subject();
    const { catalogId } = us.view.position();
    await client.txn(
      {
        then: [
          { kind: 'delete', key: AUTH_STATE_KEY },
          { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: 'by hand' }) },
        ],
      },
      testSignal(),
    );
    const told = follow(us);
    await until('it is not administered', () => told.frames.at(-1)?.administered === false);
    const before = told.state.principal('admin')?.id;
    expect((await makeAdministrator(us)).made).toBe(true);
    const made = principalOf(await changePrincipal(us, 'admin', {}));
    expect(made).toMatchObject({ kind: 'user', disabled: false });
    expect(made.id).not.toBe(before);
    expect(told.state.signingKeys().filter(({ record }) => record.state === 'active')).toHaveLength(1);
  });
});
