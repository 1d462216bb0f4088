import { beforeEach, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { HEAD_KEY } from '#services/replication/catalog/keys.ts';
import { describeStores } from '#test/contract/etcd/stores.ts';
import { codeOf, findBlob, until } from './asks.ts';
import type { GatedStore } from './gated-store.ts';
import { image, push } from './images.ts';
import { openLateRegion } from './late-region.ts';
import type { TestRegion } from './regions.ts';

const NOWHERE = digestOf(Buffer.from('nowhere'));

describeStores((subject) => {
  let us: TestRegion;
  let eu: TestRegion;
  let gate: GatedStore;
  let age: () => void;
  beforeEach(async () => {
    ({ us, eu, gate, age } = await openLateRegion(subject()));
  });
  /** Those of the newest head: a watch that is made anew looks at an older one. */
  const headReads = (): number =>
    gate.ranges.filter(({ key, revision }) => key === HEAD_KEY && revision === undefined).length;

  it('asks the pins alone for who would upload what is nowhere', async () => {
    expect(await codeOf(findBlob(eu, 'find/none', NOWHERE, true))).toBe('BLOB_UNKNOWN');
    expect(headReads()).toBe(0);
    expect(await codeOf(findBlob(eu, 'find/none', NOWHERE))).toBe('BLOB_UNKNOWN');
    expect(headReads()).toBe(1);
  });

  it('knows by its pin what was committed a moment ago, although the watch is late', async () => {
    gate.holdWatches();
    const app = image('find-late');
    await push(us, 'find/late', ['1'], app);
    for (const { digest, bytes } of app.blobs)
      expect(await findBlob(eu, 'find/late', digest, true)).toMatchObject({ digest, size: bytes.length });
    expect(headReads()).toBe(0);
  });

  it('asks the quorum, too, where regions that have it pinned are away', async () => {
    gate.holdWatches();
    const app = image('find-away');
    await push(us, 'find/away', ['1'], app);
    for (const region of ['us', 'eu', 'ap']) us.world.unreachable.add(region);
    const { digest, size } = app.descriptor;
    const found = findBlob(eu, 'find/away', digest, true);
    await until('eu asks for the head', () => headReads() > 0);
    gate.releaseWatches();
    expect(await found).toMatchObject({ digest, size });
  });

  it('asks the quorum, too, where the view may be older than what pins show', async () => {
    age();
    expect(await codeOf(findBlob(eu, 'find/old', NOWHERE, true))).toBe('BLOB_UNKNOWN');
    expect(headReads()).toBe(1);
    // Which has shown how new it is.
    expect(await codeOf(findBlob(eu, 'find/old', NOWHERE, true))).toBe('BLOB_UNKNOWN');
    expect(headReads()).toBe(1);
  });
});
