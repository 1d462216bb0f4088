import { expect, it, onTestFinished } from 'vitest';
import { UnavailableError } from '#libs/etcd/errors.ts';
import type { KeyValueStore, TxnRequest } from '#libs/etcd/store.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { parseTag } from '#libs/oci/tag.ts';
import { gcKey, HEAD_KEY, manifestKey, tagKey } from '#services/replication/catalog/keys.ts';
import { gcRecord, headRecord } from '#services/replication/catalog/records.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, deleteManifest, deleteTag, digestOfTag, errorOf, resolve } from './asks.ts';
import { image, push } from './images.ts';
import { lossyStore } from './lossy-store.ts';
import { openRegion } from './regions.ts';

async function open(subject: Subject, settings = {}) {
  const etcd = await lossyStore(subject);
  const us = await openRegion({ etcd, client: subject.client, settings });
  etcd.outcomes.length = 0;
  return { us, etcd };
}

describeStores((subject) => {
  it('finds by its receipt that a push took effect although the answer was lost', async () => {
    const { us, etcd } = await open(subject());
    const app = image('outcome-push');
    etcd.lose(2);
    const { position } = await push(us, 'outcome/push', ['1'], app);
    expect(etcd.outcomes).toEqual(['unknown', 'unknown', 'failed']);
    const key = tagKey(parseRepositoryName('outcome/push'), parseTag('1'));
    const { kvs } = await subject().client.range({ key }, testSignal());
    expect(kvs[0]).toMatchObject({ version: 1, modRevision: position?.revision });
  });

  it('says that the outcome is unknown when no answer comes in time, and a repeated push succeeds', async () => {
    const { us, etcd } = await open(subject(), { commitTimeoutMs: 1_000 });
    const app = image('outcome-unknown');
    etcd.lose(1_000);
    const error = await errorOf(push(us, 'outcome/unknown', ['1'], app));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', detail: { outcomeUnknown: true } });
    expect(error.message).toContain('not known whether it took effect. Repeating it is safe');
    etcd.lose(0);
    await push(us, 'outcome/unknown', ['1'], app);
    expect(await digestOfTag(us, 'outcome/unknown', '1')).toBe(app.descriptor.digest);
  });

  it('deletes although the answers are lost', async () => {
    const { us, etcd } = await open(subject());
    const app = image('outcome-delete');
    await push(us, 'outcome/delete', ['1', '2'], app);
    etcd.lose(1);
    await deleteTag(us, 'outcome/delete', '1');
    expect(await codeOf(resolve(us, 'outcome/delete', '1'))).toBe('MANIFEST_UNKNOWN');
    etcd.lose(1);
    await deleteManifest(us, 'outcome/delete', app.descriptor.digest);
    await push(us, 'outcome/delete', [], app);
    etcd.lose(1);
    await deleteManifest(us, 'outcome/delete', app.descriptor.digest);
    expect(await codeOf(resolve(us, 'outcome/delete', app.descriptor.digest))).toBe('MANIFEST_UNKNOWN');
  });

  it.each(['tag', 'manifest'])(
    'does not take another’s deletion of a %s for its own when its request is lost',
    async (what) => {
      const { client } = subject();
      const name = `outcome/other-${what}`;
      const app = image(`outcome-other-${what}`);
      const repository = parseRepositoryName(name);
      const key =
        what === 'tag'
          ? tagKey(repository, parseTag('1'))
          : manifestKey(repository, parseDigest(app.descriptor.digest));
      let losing = false;
      const etcd: KeyValueStore = {
        range: (request, signal) => client.range(request, signal),
        watch: (request, signal) => client.watch(request, signal),
        compact: (revision, signal) => client.compact(revision, signal),
        txn: async (request, signal) => {
          const deletes = request.then?.some(
            (operation) => operation.kind === 'delete' && operation.key === key,
          );
          if (deletes !== true || !losing) return client.txn(request, signal);
          losing = false;
          const head = headRecord.encode({ catalogId: us.view.position().catalogId, id: 'another’s' });
          const another: TxnRequest = {
            then: [
              { kind: 'delete', key },
              { kind: 'put', key: HEAD_KEY, value: head },
            ],
          };
          await client.txn(another, signal);
          throw new UnavailableError('The connection broke.', { outcomeUnknown: true });
        },
      };
      const us = await openRegion({ etcd, client });
      await push(us, name, ['1'], app);
      losing = true;
      const deleting =
        what === 'tag' ? deleteTag(us, name, '1') : deleteManifest(us, name, app.descriptor.digest);
      expect(await codeOf(deleting)).toBe('MANIFEST_UNKNOWN');
      expect(losing).toBe(false);
    },
  );

  it('holds again when a region has begun another collection meanwhile, and counts nothing held before it', async () => {
    const { us } = await open(subject());
    const { client } = subject();
    const setEpoch = async (epoch: number): Promise<void> => {
      const head = headRecord.encode({ catalogId: us.view.position().catalogId, id: `epoch ${epoch}` });
      await client.txn(
        {
          then: [
            { kind: 'put', key: gcKey('eu'), value: gcRecord.encode({ epoch }) },
            { kind: 'put', key: HEAD_KEY, value: head },
          ],
        },
        testSignal(),
      );
    };
    onTestFinished(() => setEpoch(0));
    us.world.afterHold = async () => {
      if (us.world.holds > 1) return;
      await setEpoch(1);
      us.world.epochs.eu = 1;
    };
    const { durableRegions } = await push(us, 'outcome/epoch', ['1'], image('outcome-epoch'));
    expect(durableRegions).toEqual(['eu', 'us']);
    expect(us.world.holds).toBe(2);

    // A region whose pins stay behind the catalog's epoch is never counted.
    us.world.epochs.eu = 0;
    expect(await codeOf(push(us, 'outcome/epoch', ['2'], image('outcome-epoch-2')))).toBe('UNAVAILABLE');
    expect(await codeOf(resolve(us, 'outcome/epoch', '2'))).toBe('MANIFEST_UNKNOWN');
  });
});
