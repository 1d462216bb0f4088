import { expect, it, onTestFinished } from 'vitest';
import type { AuthState } from '#libs/auth/state.ts';
import { connectEtcd } from '#libs/etcd/client.ts';
import { HEAD_KEY } from '#services/replication/catalog/keys.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { startTcpProxy } from '#test/support/tcp-proxy.ts';
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
  removePrincipal,
  removeToken,
  revoke,
} from './identities.ts';
import { openRegion, REGIONS, type RegionName, type TestRegion } from './regions.ts';

/** No frame comes but for a change. */
const settings = { frameEveryMs: 600_000 };

/** All three, each with a front end that follows. */
async function openAll({ client }: Subject) {
  const regions = await Promise.all(
    REGIONS.map((region) => openRegion({ etcd: client, client, region, settings })),
  );
  const [us] = regions as [TestRegion, TestRegion, TestRegion];
  await makeAdministrator(us);
  return { us, followers: regions.map(follow) };
}

describeStores((subject) => {
  it('has a revocation hold in all regions as soon as they hear of it', async () => {
    const { us, followers } = await openAll(subject());
    const names = ['unbound', 'untokened', 'disabled', 'new-password', 'removed', 'ungrouped'] as const;
    const users = new Map(
      await Promise.all(
        names.map(async (name) => {
          const groups = name === 'ungrouped' ? ['devs'] : [];
          return [name, await makeUser(us, name, { passwordHash: PASSWORD_HASH, groups })] as const;
        }),
      ),
    );
    const user = (name: (typeof names)[number]) => users.get(name) ?? expect.unreachable();
    const binding = await grant(us, 'developer', 'user:unbound', 'team/**');
    for (const name of ['untokened', 'disabled', 'new-password', 'removed']) {
      await grant(us, 'developer', `user:${name}`, 'team/**');
    }
    await grant(us, 'developer', 'group:devs', 'team/**');
    const token = await makeToken(us, 'untokened');
    const credentials = { untokened: `token:${token.id}` as const };
    const allowed = () =>
      followers.map(({ may, who }) =>
        names.filter((name) =>
          may(who(user(name), name === 'untokened' ? credentials[name] : undefined), 'push', 'team/app'),
        ),
      );
    const everywhere = (expected: readonly string[]) => () =>
      allowed().every((some) => some.join() === expected.join());
    await until('all may push in all regions', everywhere(names));

    const revocations = [
      () => revoke(us, binding),
      () => removeToken(us, token.id),
      () => changePrincipal(us, 'disabled', { disabled: true }),
      () => changePrincipal(us, 'new-password', { passwordHash: PASSWORD_HASH }),
      () => removePrincipal(us, 'removed'),
      () => changePrincipal(us, 'ungrouped', { groups: [] }),
    ];
    for (const [index, act] of revocations.entries()) {
      const before = followers.map(({ frames }) => frames.length);
      await act();
      await until('it holds in all regions', everywhere(names.slice(index + 1)));
      const after = followers.map(({ frames }) => frames.length);
      expect(after).toEqual(before.map((count) => count + 1));
    }
  });

  it('goes on with what it knew in a region that is cut off, also after a restart, and says how old it is', async () => {
    const { server, client } = subject();
    const us = await openRegion({ etcd: client, client });
    await makeAdministrator(us);
    const robot = await makeRobot(us, 'cut-off', { addSecret: { id: 'secret-1', sha256: '0'.repeat(64) } });
    const binding = await grant(us, 'developer', 'robot:cut-off', 'team/**');

    let proxy = await startTcpProxy(server.port);
    const { port } = proxy;
    onTestFinished(() => proxy.close());
    const open = async (dataDir?: string) => {
      const cut = connectEtcd({ endpoints: [`http://127.0.0.1:${port}`], callTimeoutMs: 2_000 });
      onTestFinished(() => cut.close());
      const more = dataDir === undefined ? {} : { dataDir };
      const limits = { frameEveryMs: 50, barrierTimeoutMs: 2_000, commitTimeoutMs: 2_000, headEveryMs: 100 };
      return openRegion({ etcd: cut, client: cut, region: 'eu', settings: limits, ...more });
    };
    const eu = await open();
    const before = follow(eu);
    const may = ({ may, who }: typeof before) => may(who(robot, 'secret:secret-1'), 'push', 'team/app');
    await until('the robot may push', () => may(before));

    await proxy.close();
    await revoke(us, binding);
    const usFollower = follow(us);
    await until('it may push through us no more', () => usFollower.frames.length > 0 && !may(usFollower));
    const staleness = ({ frames }: typeof before) => frames.at(-1)?.position?.stalenessMs ?? 0;
    await until('frames say that they are old', () => staleness(before) > 1_000);
    expect(may(before)).toBe(true);
    expect(await codeOf(changePrincipal(eu, 'cut-off', { disabled: true }))).toBe('UNAVAILABLE');

    await eu.stop();
    const again = await open(eu.dataDir);
    const after = follow(again);
    await until('all is told again', () => after.frames.length > 0);
    expect(may(after)).toBe(true);
    expect(after.frames[0]).toMatchObject({ reset: true, administered: true });
    expect(staleness(after)).toBeGreaterThan(1_000);

    proxy = await startTcpProxy(server.port, port);
    await until('the revocation has come', () => !may(after));
    await until('what is told is fresh', () => staleness(after) < 1_000);
  });

  it('tells all again to who follows where the view is made anew', async () => {
    const { server, client } = subject();
    const us = await openRegion({ etcd: client, client });
    await makeAdministrator(us);
    await makeUser(us, 'reloaded');
    let proxy = await startTcpProxy(server.port);
    onTestFinished(() => proxy.close());
    const cut = connectEtcd({ endpoints: [proxy.endpoint], callTimeoutMs: 2_000 });
    onTestFinished(() => cut.close());
    const eu = await openRegion({ etcd: cut, client: cut, region: 'eu' });
    const told = follow(eu);
    await until('it is told', () => told.state.principal('reloaded') !== undefined);
    await proxy.close();
    await removePrincipal(us, 'reloaded');
    await makeUser(us, 'newcomer');
    const { kvs } = await client.range({ key: HEAD_KEY }, testSignal());
    await client.compact(kvs[0]?.modRevision ?? 0, testSignal());
    proxy = await startTcpProxy(server.port, proxy.port);
    await until('the new view is told', () => told.state.principal('newcomer') !== undefined);
    expect(told.state.principal('reloaded')).toBeUndefined();
    expect(told.frames.filter(({ reset }) => reset).length).toBeGreaterThan(1);
  });

  it('tells of more records than fit in a frame at once', async () => {
    const us = await openRegion({ etcd: subject().client, client: subject().client, settings });
    await makeAdministrator(us);
    for (let i = 0; i < 251; i++) await grant(us, 'puller', `group:g${i}`, 'team/**');
    const { frames, state } = follow(us);
    const count = (known: AuthState): number => known.bindings().length;
    await until('all is told', () => count(state) > 251);
    expect(frames.map(({ reset, more }) => [reset, more])).toEqual([
      [true, true],
      [false, false],
    ]);
  });

  it.each(REGIONS.filter((name) => name !== 'us'))('changes through %s, too', async (region: RegionName) => {
    const { client } = subject();
    const us = await openRegion({ etcd: client, client });
    await makeAdministrator(us);
    const other = await openRegion({ etcd: client, client, region });
    await makeUser(us, `from-us-to-${region}`);
    // It waits for what was there when it was asked.
    await changePrincipal(other, `from-us-to-${region}`, { disabled: true });
    expect(await codeOf(makeUser(us, `from-us-to-${region}`))).toBe('CONFLICT');
  });
});
