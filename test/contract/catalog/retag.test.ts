import { expect, it } from 'vitest';
import { tagKey } from '#services/replication/catalog/keys.ts';
import { tagRecord } from '#services/replication/catalog/records.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { parseTag } from '#libs/oci/tag.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, deleteTag, digestOfTag, errorOf } from './asks.ts';
import { image, publish, push, upload } from './images.ts';
import { newWorld, openRegion } from './regions.ts';

const open = ({ client }: Subject, options = {}) => openRegion({ etcd: client, client, ...options });
const KEEPING = { mayRetag: false };

describeStores((subject) => {
  it('lets who may not move tags make them, and set them to what they are', async () => {
    const us = await open(subject());
    const app = image('retag-1');
    await push(us, 'retag/new', ['1', '2'], app, KEEPING);
    await push(us, 'retag/new', ['1', '3'], app, KEEPING);
    expect(await digestOfTag(us, 'retag/new', '3')).toBe(app.descriptor.digest);
  });

  it('refuses all of a push that would move one of its tags', async () => {
    const us = await open(subject());
    const [first, second] = [image('retag-a'), image('retag-b')];
    await push(us, 'retag/all', ['1'], first, KEEPING);
    const error = await errorOf(push(us, 'retag/all', ['new', '1'], second, KEEPING));
    expect(error).toMatchObject({ code: 'DENIED' });
    expect(error.message).toContain(`The tag 1 of retag/all is ${first.descriptor.digest} already`);
    expect(await digestOfTag(us, 'retag/all', '1')).toBe(first.descriptor.digest);
    expect(await codeOf(digestOfTag(us, 'retag/all', 'new'))).toBe('MANIFEST_UNKNOWN');
    // Nor by saying which one it is to replace.
    const matching = { ...KEEPING, ifMatch: first.descriptor.digest };
    expect(await codeOf(push(us, 'retag/all', ['1'], second, matching))).toBe('DENIED');
    await push(us, 'retag/all', ['1'], second);
    expect(await digestOfTag(us, 'retag/all', '1')).toBe(second.descriptor.digest);
  });

  it('refuses also what another made while the push was under way, in whatever region', async () => {
    const world = newWorld();
    const [us, eu] = [await open(subject(), { world }), await open(subject(), { world, region: 'eu' })];
    const [first, second] = [image('retag-race-a'), image('retag-race-b')];
    upload(us, 'retag/race', first);
    upload(eu, 'retag/race', second);
    world.afterHold = async () => {
      world.afterHold = () => undefined;
      await publish(eu, 'retag/race', ['1'], second, KEEPING);
    };
    expect(await codeOf(publish(us, 'retag/race', ['1'], first, KEEPING))).toBe('DENIED');
    expect(await digestOfTag(us, 'retag/race', '1')).toBe(second.descriptor.digest);
  });

  it('has one of many who make the same tag win', async () => {
    const us = await open(subject());
    const images = [1, 2, 3, 4].map((n) => image(`retag-many-${n}`));
    for (const one of images) upload(us, 'retag/many', one);
    const outcomes = await Promise.allSettled(
      images.map((one) => publish(us, 'retag/many', ['1'], one, KEEPING)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'DENIED' });
    }
  });

  it('makes a tag again that was deleted', async () => {
    const us = await open(subject());
    await push(us, 'retag/deleted', ['1'], image('retag-gone'), KEEPING);
    await deleteTag(us, 'retag/deleted', '1');
    const again = image('retag-again');
    await push(us, 'retag/deleted', ['1'], again, KEEPING);
    expect(await digestOfTag(us, 'retag/deleted', '1')).toBe(again.descriptor.digest);
  });

  it('takes as many tags as any push', async () => {
    const us = await open(subject());
    const tags = Array.from({ length: 50 }, (_, i) => `t${i}`);
    await push(us, 'retag/fifty', tags, image('retag-fifty'), { ...KEEPING, ifNoneMatch: '*' });
    expect(await codeOf(push(us, 'retag/fifty', tags, image('retag-fifty-b'), KEEPING))).toBe('DENIED');
  });

  it('keeps who pushed, of the tag and of the manifest', async () => {
    const us = await open(subject());
    const app = image('retag-who');
    await push(us, 'retag/who', ['1'], app, { pushedBy: 'bob' });
    const repository = parseRepositoryName('retag/who');
    const key = tagKey(repository, parseTag('1'));
    const { kvs } = await subject().client.range({ key }, testSignal());
    expect(tagRecord.decode(kvs[0]?.value ?? Buffer.from(''), key).pushedBy).toBe('bob');
    expect(us.view.manifests(repository, '', 1)[0]?.record.pushedBy).toBe('bob');
  });
});
