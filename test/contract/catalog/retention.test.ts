import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { retain } from '#services/replication/retention/retain.ts';
import { openUntaggedSince } from '#services/replication/retention/untagged-since.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { deleteTag } from './asks.ts';
import { image, index, push, type TestImage } from './images.ts';
import { openRegion, temporaryDirectory, type TestRegion } from './regions.ts';

const open = ({ client }: Subject) => openRegion({ etcd: client, client });
const AFTER_MS = 1000;

/** Retention of a region with a clock of the test's own. */
async function retention(us: TestRegion, { client }: Subject, file?: string) {
  const path = file ?? join(await temporaryDirectory(), 'untagged.sqlite');
  let nowMs = Date.now();
  /** Called before a removal is sent. */
  let before: () => Promise<unknown> = async () => undefined;
  const since = openUntaggedSince(path);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) since.close();
    isOpen = false;
  };
  onTestFinished(close);
  const etcd: KeyValueStore = {
    range: (...asked) => client.range(...asked),
    watch: (...asked) => client.watch(...asked),
    compact: (...asked) => client.compact(...asked),
    txn: async (...asked) => {
      const meanwhile = before;
      before = async () => undefined;
      await meanwhile();
      return client.txn(...asked);
    },
  };
  const { view, barrier } = us;
  const options = { etcd, view, barrier, since, clock: { nowMs: () => nowMs }, commitTimeoutMs: 10_000 };
  return {
    path,
    close,
    pass: (repository: string) => retain(options, parseRepositoryName(repository), AFTER_MS, testSignal()),
    later: (ms = AFTER_MS) => (nowMs += ms),
    beforeRemoval: (work: () => Promise<unknown>) => (before = work),
  };
}

describeStores((subject) => {
  const isThere = async (us: TestRegion, repository: string, { descriptor }: TestImage): Promise<boolean> => {
    await us.barrier(testSignal());
    return us.view.manifest(parseRepositoryName(repository), parseDigest(descriptor.digest)) !== undefined;
  };

  it('removes what has been untagged for so long, and not before', async () => {
    const us = await open(subject());
    const { pass, later } = await retention(us, subject());
    const [old, current] = [image('retention-old'), image('retention-current')];
    await push(us, 'retention/app', ['1'], old);
    later();
    expect(await pass('retention/app')).toBe(0);
    await push(us, 'retention/app', ['1'], current);
    expect(await pass('retention/app')).toBe(0);
    later(AFTER_MS - 1);
    expect(await pass('retention/app')).toBe(0);
    later(1);
    expect(await pass('retention/app')).toBe(1);
    expect([await isThere(us, 'retention/app', old), await isThere(us, 'retention/app', current)]).toEqual([
      false,
      true,
    ]);
    await push(us, 'retention/app', ['again'], old);
    expect(await isThere(us, 'retention/app', old)).toBe(true);
  });

  it('keeps the children of tagged indexes and what refers to them, and lets all go together', async () => {
    const us = await open(subject());
    const { pass, later } = await retention(us, subject());
    const child = image('retention-child');
    const signature = image('retention-signature', { more: { subject: child.descriptor } });
    const root = index([child]);
    await push(us, 'retention/index', [], child);
    await push(us, 'retention/index', [], signature);
    await push(us, 'retention/index', ['1'], root);
    await pass('retention/index');
    later();
    expect(await pass('retention/index')).toBe(0);
    await deleteTag(us, 'retention/index', '1');
    expect(await pass('retention/index')).toBe(0);
    later();
    expect(await pass('retention/index')).toBe(3);
  });

  it('begins anew when a manifest was tagged in between, unseen', async () => {
    const us = await open(subject());
    const { pass, later } = await retention(us, subject());
    const app = image('retention-between');
    await push(us, 'retention/between', [], app);
    await pass('retention/between');
    later();
    await push(us, 'retention/between', ['1'], app);
    await deleteTag(us, 'retention/between', '1');
    expect(await pass('retention/between')).toBe(0);
  });

  it.each<[string, (us: TestRegion, app: TestImage) => Promise<unknown>]>([
    ['tags it', (us, app) => push(us, 'retention/race', ['1'], app)],
    ['names it', (us, app) => push(us, 'retention/race', ['1'], index([app]))],
  ])('leaves a manifest to a push that %s between judging and removing', async (_, meanwhile) => {
    const us = await open(subject());
    const { pass, later, beforeRemoval } = await retention(us, subject());
    const app = image(`retention-race-${String(meanwhile)}`);
    await push(us, 'retention/race', [], app);
    await pass('retention/race');
    later();
    beforeRemoval(() => meanwhile(us, app));
    await pass('retention/race');
    expect(await isThere(us, 'retention/race', app)).toBe(true);
  });

  it('remembers over a restart, and begins anew without its file', async () => {
    const us = await open(subject());
    const app = image('retention-restart');
    await push(us, 'retention/restart', [], app);
    const first = await retention(us, subject());
    await first.pass('retention/restart');
    first.close();
    await rm(first.path);
    const without = await retention(us, subject(), first.path);
    without.later();
    expect(await without.pass('retention/restart')).toBe(0);
    without.close();
    const restarted = await retention(us, subject(), first.path);
    restarted.later(3 * AFTER_MS);
    expect(await restarted.pass('retention/restart')).toBe(1);
  });
});
