import { sign, verify, createPrivateKey, createPublicKey } from 'node:crypto';
import { expect, it } from 'vitest';
import { MAX_SIGNED_TOKEN_MS } from '#libs/auth/limits.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { describeStores, type Subject } from '#test/contract/etcd/stores.ts';
import { until } from './asks.ts';
import { follow, makeAdministrator } from './identities.ts';
import { openRegion, REGIONS, type TestRegion } from './regions.ts';

const HOUR_MS = 3_600_000;
const settings = { keyLookEveryMs: 20, keyUseMs: 10 * HOUR_MS, keyPublishMs: HOUR_MS };

/** All regions, on one clock that stands still until it is moved. */
async function openAll({ client }: Subject) {
  const time = { nowMs: Date.now() };
  const clock = { monotonicMs: () => performance.now(), nowMs: () => time.nowMs };
  const regions = await Promise.all(
    REGIONS.map((region) => openRegion({ etcd: client, client, region, settings, clock })),
  );
  const [us] = regions as [TestRegion, TestRegion, TestRegion];
  await makeAdministrator(us);
  const followers = regions.map(follow);
  const states = () => followers.map(({ state }) => statesOf(state));
  const everywhere = (what: string, expected: readonly string[]) =>
    until(what, () => states().every((some) => some.join() === expected.join()));
  const [first] = followers;
  return { us, time, everywhere, state: first?.state ?? expect.unreachable() };
}

function statesOf(state: AuthState): string[] {
  return state
    .signingKeys()
    .map(({ record }) => record.state)
    .sort();
}

function keyOf(state: AuthState, wanted: 'active' | 'next' | 'retired') {
  return state.signingKeys().find(({ record }) => record.state === wanted) ?? expect.unreachable();
}

describeStores((subject) => {
  it('rotates them once in time, though all regions look, and keeps an old one while its tokens are good', async () => {
    const { us, time, everywhere, state } = await openAll(subject());
    await everywhere('there is one that signs and one that will', ['active', 'next']);
    const [first, second] = [keyOf(state, 'active'), keyOf(state, 'next')];
    const { privateKey, publicKey } = first.record;
    const data = Buffer.from('token');
    const signature = sign('sha256', data, createPrivateKey({ key: { ...privateKey }, format: 'jwk' }));
    expect(verify('sha256', data, createPublicKey({ key: publicKey, format: 'jwk' }), signature)).toBe(true);

    time.nowMs += settings.keyUseMs;
    await everywhere('the next one signs', ['active', 'next', 'retired']);
    expect(keyOf(state, 'active').name).toBe(second.name);
    expect(keyOf(state, 'retired')).toMatchObject({ name: first.name, record: { publicKey } });
    expect(keyOf(state, 'retired').record.privateKey).toBeUndefined();

    // By hand, before its time.
    await us.auth.rotateKeys({ dropAll: false }, { signal: AbortSignal.timeout(30_000) });
    await everywhere('there are two old ones', ['active', 'next', 'retired', 'retired']);

    time.nowMs += MAX_SIGNED_TOKEN_MS + 2 * HOUR_MS;
    await everywhere('the old ones are gone, and one has become old', ['active', 'next', 'retired']);
    expect(state.signingKeys().map(({ name }) => name)).not.toContain(first.name);
  });

  it('drops all at once where they may have leaked', async () => {
    const { us, everywhere, state } = await openAll(subject());
    const before = us.view.authRows().filter(({ kind }) => kind === 'key');
    await us.auth.rotateKeys({ dropAll: true }, { signal: AbortSignal.timeout(30_000) });
    await everywhere('there are new ones', ['active', 'next']);
    const names = state.signingKeys().map(({ name }) => name);
    expect(names.some((name) => before.some((old) => old.name === name))).toBe(false);
  });
});
