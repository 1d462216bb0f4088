import { beforeEach, expect, it } from 'vitest';
import type { EtcdClient } from '#libs/etcd/store.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { DEFAULTS_KEY, HEAD_KEY, repositoryKey } from '#services/replication/catalog/keys.ts';
import { headRecord } from '#services/replication/catalog/records.ts';
import type { PushedManifest } from '#types/meridian/v1/PushedManifest.ts';
import { describeStores, testSignal } from '#test/contract/etcd/stores.ts';
import { changeSettings, codeOf, deleteBlob, deleteManifest, digestOfTag, until } from './asks.ts';
import { configure } from './configure.ts';
import type { GatedStore } from './gated-store.ts';
import { image, index, publish, push, upload } from './images.ts';
import { openLateRegion } from './late-region.ts';
import type { TestRegion } from './regions.ts';

/** Takes a record out of the catalog, which nothing does yet. */
async function remove(client: EtcdClient, { view }: TestRegion, key: string): Promise<void> {
  const head = headRecord.encode({ catalogId: view.position().catalogId, id: `without ${key}` });
  const then = [
    { kind: 'delete', key },
    { kind: 'put', key: HEAD_KEY, value: head },
  ] as const;
  await client.txn({ then }, testSignal());
}

const context = () => ({ signal: testSignal() });

describeStores((subject) => {
  let us: TestRegion;
  let eu: TestRegion;
  let gate: GatedStore;
  let age: () => void;
  beforeEach(async () => {
    ({ us, eu, gate, age } = await openLateRegion(subject()));
  });

  /** Reads of what a push depends on. */
  const reads = (): number =>
    gate.txns.filter(({ then }) => then?.[0]?.kind === 'range' && then[0].key === HEAD_KEY).length;

  /** What the other region does while the watch of `eu` is late. */
  async function meanwhile(work: () => Promise<unknown>): Promise<void> {
    const { revision } = us.view.position();
    await until('eu knows what us knows', () => eu.view.position().revision >= revision);
    gate.holdWatches();
    await work();
  }

  /** Lets the watch go on once the push has had to read what it depends on. */
  async function onceRead(pushing: Promise<PushedManifest>): Promise<PushedManifest> {
    pushing.catch(() => undefined);
    await until('eu reads the catalog', () => reads() > 0);
    gate.releaseWatches();
    return pushing;
  }

  it('asks etcd once: to commit', async () => {
    await push(eu, 'assume/once', ['1'], image('assume-once'));
    expect(gate.txns).toHaveLength(1);
    const again = await push(eu, 'assume/once', ['1', '2'], image('assume-once-more'), { mayRetag: true });
    expect(gate.txns).toHaveLength(2);
    expect(again.durableRegions).toEqual(['eu', 'us']);
    const [made, moved] = [image('assume-once-made'), image('assume-once-moved')];
    await push(eu, 'assume/once', ['3'], made, { mayRetag: false, ifNoneMatch: '*' });
    expect(gate.txns).toHaveLength(3);
    await push(eu, 'assume/once', ['3'], moved, { ifMatch: made.descriptor.digest });
    expect(gate.txns).toHaveLength(4);
  });

  it('is not kept from it by what others push', async () => {
    await push(us, 'assume/others', ['1'], image('assume-others-1'));
    await meanwhile(() => push(us, 'assume/others', ['2'], image('assume-others-2')));
    const publishing = push(eu, 'assume/others', ['3'], image('assume-others-3'));
    await until('eu has committed', () => eu.events.length > 0);
    gate.releaseWatches();
    await publishing;
    expect(reads()).toBe(0);
  });

  it('reads what it depends on where its view may be old', async () => {
    age();
    await push(eu, 'assume/old', ['1'], image('assume-old'));
    expect(reads()).toBe(1);
  });

  it('names no manifest that was deleted meanwhile', async () => {
    const child = image('assume-deleted');
    await push(us, 'assume/deleted', ['1'], child);
    await meanwhile(() => deleteManifest(us, 'assume/deleted', child.descriptor.digest));
    const naming = push(eu, 'assume/deleted', ['2'], index([child]));
    expect(await codeOf(onceRead(naming))).toBe('MANIFEST_BLOB_UNKNOWN');
  });

  it('reads who owns what where the repository is read strongly', async () => {
    const app = image('assume-strong');
    await push(us, 'assume/strong', ['1'], app);
    await changeSettings(us, 'assume/strong', { reads: 'strong' });
    await meanwhile(async () => {
      await deleteManifest(us, 'assume/strong', app.descriptor.digest);
      for (const { digest } of app.blobs) await deleteBlob(us, 'assume/strong', digest);
    });
    const other = image('assume-strong', { more: { annotations: { other: 'one' } } });
    upload(eu, 'assume/strong', { ...other, blobs: [] });
    const naming = publish(eu, 'assume/strong', ['2'], other);
    expect(await codeOf(onceRead(naming))).toBe('MANIFEST_BLOB_UNKNOWN');
  });

  it('pushes nothing to a repository whose deletion has begun meanwhile', async () => {
    await push(us, 'assume/deleting', ['1'], image('assume-deleting'));
    await meanwhile(() => configure(subject().client, us, 'assume/deleting', { state: 'deleting' }));
    const publishing = push(eu, 'assume/deleting', ['2'], image('assume-deleting-2'));
    expect(await codeOf(onceRead(publishing))).toBe('CONFLICT');
  });

  it.each([
    ['of the repository', 'assume/durable'],
    ['of all repositories', ''],
  ])('is as durable as the settings %s ask since', async (_of, scope) => {
    await push(us, 'assume/durable', ['1'], image('assume-durable'));
    await meanwhile(() => changeSettings(us, scope, { durability: 'all' }));
    const publishing = push(eu, 'assume/durable', ['2'], image(`assume-durable-${scope}`));
    expect((await onceRead(publishing)).durableRegions).toEqual(['ap', 'eu', 'us']);
    await changeSettings(us, scope, { durability: null });
  });

  it('is in a repository, and by defaults, that are there', async () => {
    const repository = parseRepositoryName('assume/gone');
    await push(us, repository, ['1'], image('assume-gone'));
    await changeSettings(us, '', { durability: 'local' });
    for (const [tag, key] of [
      ['2', repositoryKey(repository)],
      ['3', DEFAULTS_KEY],
    ] as const) {
      gate.txns.length = 0;
      await meanwhile(() => remove(subject().client, us, key));
      const { durableRegions } = await onceRead(push(eu, repository, [tag], image(`assume-gone-${tag}`)));
      expect(durableRegions).toHaveLength(tag === '2' ? 1 : 2);
      expect(eu.view.repository(repository)?.state).toBe('active');
    }
  });

  it('counts a region that was added meanwhile, and none that was removed', async () => {
    const remove = () => us.catalog.removeRegion({ region: 'ap', version: 0, force: true }, context());
    const add = async () => {
      await us.catalog.addRegion({ region: 'ap', endpoint: 'ap.test:5100', labels: {} }, context());
      us.world.epochs.ap = us.view.epoch('ap') ?? 0;
    };
    await changeSettings(us, 'assume/regions', { durability: 'all' });
    await meanwhile(remove);
    const without = await onceRead(push(eu, 'assume/regions', ['1'], image('assume-removed')));
    expect(without.durableRegions).toEqual(['eu', 'us']);
    gate.txns.length = 0;
    await meanwhile(add);
    const withIt = await onceRead(push(eu, 'assume/regions', ['2'], image('assume-added')));
    expect(withIt.durableRegions).toEqual(['ap', 'eu', 'us']);
  });

  it('refuses by If-Match only what the catalog refuses', async () => {
    const [first, second] = [image('assume-match-1'), image('assume-match-2')];
    await push(us, 'assume/match', ['1'], first);
    await meanwhile(() => push(us, 'assume/match', ['1'], second));
    const third = image('assume-match-3');
    const matching = push(eu, 'assume/match', ['1'], third, { ifMatch: second.descriptor.digest });
    await onceRead(matching);
    gate.txns.length = 0;
    await meanwhile(() => push(us, 'assume/match', ['1'], first));
    const late = push(eu, 'assume/match', ['1'], second, { ifMatch: third.descriptor.digest });
    expect(await codeOf(onceRead(late))).toBe('PRECONDITION_FAILED');
    gate.txns.length = 0;
    await meanwhile(() => push(us, 'assume/match', [], image('assume-match-4')));
    const created = push(eu, 'assume/match', [], image('assume-match-4'), { ifNoneMatch: '*' });
    expect(await codeOf(onceRead(created))).toBe('PRECONDITION_FAILED');
  });

  it('moves no tag that was made meanwhile, if it may not', async () => {
    const made = image('assume-made');
    await push(us, 'assume/kept', ['1'], image('assume-kept'));
    await meanwhile(() => push(us, 'assume/kept', ['2'], made));
    const publishing = push(eu, 'assume/kept', ['2'], image('assume-mover'), { mayRetag: false });
    expect(await codeOf(onceRead(publishing))).toBe('DENIED');
    expect(await digestOfTag(us, 'assume/kept', '2')).toBe(made.descriptor.digest);
  });

  it.each(['refuse', 'accept'])(
    'owns the children pushed meanwhile, where what is missing is to %s',
    async (missing) => {
      const repository = `assume/index-${missing}`;
      await changeSettings(us, repository, { missing });
      const child = image(`assume-child-${missing}`);
      await meanwhile(() => push(us, repository, ['child'], child));
      const whole = index([child]);
      await onceRead(push(eu, repository, ['1'], whole));
      const name = parseRepositoryName(repository);
      expect(eu.view.unownedBy(name, parseDigest(whole.descriptor.digest))).toEqual([]);
      expect(eu.view.manifest(name, parseDigest(whole.descriptor.digest))?.references).toMatchObject([
        { digest: child.descriptor.digest, owned: true },
      ]);
    },
  );
});
