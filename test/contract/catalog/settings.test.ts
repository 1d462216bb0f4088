import { expect, it } from 'vitest';
import type { KeyValueStore, TxnRequest } from '#libs/etcd/store.ts';
import { DEFAULTS_KEY, HEAD_KEY, repositoryKey } from '#services/replication/catalog/keys.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { changeSettings, codeOf, errorOf, inForce, listTags } from './asks.ts';
import { configure } from './configure.ts';
import { image, push } from './images.ts';
import { newWorld, openRegion } from './regions.ts';

const open = ({ client }: Subject, options = {}) => openRegion({ etcd: client, client, ...options });

const REFUSED = [
  ['{"durability": 0}', 'durability should be "local", "quorum", "all" or a number of regions from 1 to 16'],
  ['{"durability": 2.5}', 'what came is "2.5"'],
  ['{"durability": 17}', 'from 1 to 16'],
  ['{"durability": 4}', 'asks for 4 regions, but the cluster has 3 active ones: ap, eu, us'],
  ['{"reads": "sometimes"}', '"bounded" or "strong"'],
  ['{"maxStalenessMs": -1}', 'whole number of milliseconds'],
  ['{"missing": true}', '"refuse" or "accept"'],
  ['{"state": "deleting"}', 'There is no setting "state"; expected some of durability, reads'],
  ['{"__proto__": {}}', 'There is no setting "__proto__"'],
  ['[]', 'should be a JSON object'],
  ['null', 'should be a JSON object'],
  ['{', "can't be parsed"],
] as const;

describeStores((subject) => {
  it('tells what is built in where nothing is set', async () => {
    const us = await open(subject());
    expect(await inForce(us, 'settings/none')).toEqual({
      durability: [2, 'built-in'],
      reads: ['bounded', 'built-in'],
      maxStalenessMs: [null, 'built-in'],
      missing: ['refuse', 'built-in'],
      untagged: ['keep', 'built-in'],
      regions: [[], 'built-in'],
    });
    const { version } = await us.catalog.getSettings(
      { repository: 'settings/none' },
      { signal: testSignal() },
    );
    expect(version).toBe(0);
  });

  it('takes what a repository does not set from the defaults, and gives it back when it is unset', async () => {
    const us = await open(subject());
    await changeSettings(us, '', { reads: 'strong', missing: 'accept' });
    await changeSettings(us, 'settings/own', { reads: 'bounded', durability: 'all' });
    expect(await inForce(us, 'settings/own')).toMatchObject({
      durability: ['all', 'repository'],
      reads: ['bounded', 'repository'],
      missing: ['accept', 'defaults'],
      untagged: ['keep', 'built-in'],
    });
    await changeSettings(us, 'settings/own', { reads: null, durability: 3 });
    expect(await inForce(us, 'settings/own')).toMatchObject({
      durability: [3, 'repository'],
      reads: ['strong', 'defaults'],
    });
    await changeSettings(us, '', { reads: null, missing: null });
    expect(await inForce(us, 'settings/own')).toMatchObject({ reads: ['bounded', 'built-in'] });
  });

  it('makes the repository where there is none, and keeps what else its record says where there is one', async () => {
    const { client } = subject();
    const us = await open(subject());
    await changeSettings(us, 'settings/early', { durability: 'local' });
    expect((await listTags(us, 'settings/early')).names).toEqual([]);
    const key = repositoryKey(parseRepositoryName('settings/early'));
    const incarnation = async (): Promise<unknown> => {
      const { kvs } = await client.range({ key }, testSignal());
      return (JSON.parse(kvs[0]?.value.toString() ?? '{}') as { incarnation: unknown }).incarnation;
    };
    const first = await incarnation();
    expect((await push(us, 'settings/early', ['1'], image('settings-early'))).durableRegions).toEqual(['us']);
    await changeSettings(us, 'settings/early', { durability: 'all' });
    expect(await incarnation()).toBe(first);
    const pushed = await push(us, 'settings/early', ['2'], image('settings-early'));
    expect(pushed.durableRegions).toEqual(['ap', 'eu', 'us']);
  });

  it('has every change put the head, and answers with its revision', async () => {
    const { client } = subject();
    const us = await open(subject());
    for (const repository of ['settings/head', '']) {
      const { position, version } = await changeSettings(us, repository, { maxStalenessMs: 5000 });
      const { kvs } = await client.range({ key: HEAD_KEY }, testSignal());
      expect(position?.revision).toBe(kvs[0]?.modRevision);
      expect(version).toBe(position?.revision);
      expect(us.view.position().revision).toBe(position?.revision);
      const same = await changeSettings(us, repository, { maxStalenessMs: 5000 });
      expect(same.version).toBe(version);
    }
    await changeSettings(us, '', { maxStalenessMs: null });
  });

  it('changes them only at the version that was asked for', async () => {
    const us = await open(subject());
    const change = (ifMatch: string) => changeSettings(us, 'settings/match', { durability: 1 }, ifMatch);
    expect(await codeOf(change('*'))).toBe('PRECONDITION_FAILED');
    expect(await codeOf(change('7'))).toBe('PRECONDITION_FAILED');
    const { version } = await change('0');
    expect(await codeOf(change('0'))).toBe('PRECONDITION_FAILED');
    await changeSettings(us, 'settings/match', { reads: 'strong' }, String(version));
    expect((await errorOf(change(String(version)))).message).toContain(`expected at version "${version}"`);
    await change('*');
  });

  it('refuses what is no change of settings, with a sentence', async () => {
    const us = await open(subject());
    for (const [patch, sentence] of REFUSED) {
      const request = { repository: 'settings/refused', patch, ifMatch: '' };
      const refused = await errorOf(us.catalog.changeSettings(request, { signal: testSignal() }));
      expect(refused.code).toBe('REQUEST_INVALID');
      expect(refused.message).toContain(sentence);
    }
    expect(await codeOf(listTags(us, 'settings/refused'))).toBe('NAME_UNKNOWN');
  });

  it('leaves a repository alone that is being deleted', async () => {
    const us = await open(subject());
    await configure(subject().client, us, 'settings/deleting', { state: 'deleting' });
    expect(await codeOf(changeSettings(us, 'settings/deleting', { reads: 'strong' }))).toBe('CONFLICT');
  });

  it('lets concurrent changes of different settings all take effect', async () => {
    const world = newWorld();
    const us = await open(subject(), { world });
    const eu = await open(subject(), { world, region: 'eu' });
    await Promise.all([
      changeSettings(us, 'settings/race', { durability: 1 }),
      changeSettings(eu, 'settings/race', { reads: 'strong' }),
      changeSettings(us, 'settings/race', { missing: 'accept' }),
      changeSettings(eu, 'settings/race', { maxStalenessMs: 9000 }),
    ]);
    expect(await inForce(us, 'settings/race')).toMatchObject({
      durability: [1, 'repository'],
      reads: ['strong', 'repository'],
      missing: ['accept', 'repository'],
      untagged: ['keep', 'built-in'],
      maxStalenessMs: [9000, 'repository'],
    });
  });

  it('takes a change whose answer was lost for done', async () => {
    const { client } = subject();
    const lossy = losingOneAnswer(client, DEFAULTS_KEY);
    const us = await openRegion({ etcd: lossy, client });
    const { version } = await changeSettings(us, '', { maxStalenessMs: 7777 });
    expect(lossy.lost).toBe(1);
    expect(await inForce(us, 'any/one')).toMatchObject({ maxStalenessMs: [7777, 'defaults'] });
    const { kvs } = await client.range({ key: DEFAULTS_KEY }, testSignal());
    expect(kvs[0]?.modRevision).toBe(version);
    await changeSettings(us, '', { maxStalenessMs: null });
  });
});

/** Applies the first transaction that puts `key`, and says that no answer came. */
function losingOneAnswer(store: KeyValueStore, key: string): KeyValueStore & { lost: number } {
  const puts = ({ then = [] }: TxnRequest): boolean => then.some((op) => op.kind === 'put' && op.key === key);
  const lossy = {
    range: store.range.bind(store),
    watch: store.watch.bind(store),
    compact: store.compact.bind(store),
    lost: 0,
    txn: async (request: TxnRequest, signal: AbortSignal) => {
      const answer = await store.txn(request, signal);
      if (!puts(request) || lossy.lost > 0) return answer;
      lossy.lost += 1;
      throw new Error('The connection was lost.');
    },
  };
  return lossy;
}
