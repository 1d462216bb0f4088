import { beforeEach, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { HEAD_KEY } from '#services/replication/catalog/keys.ts';
import { describeStores } from '#test/contract/etcd/stores.ts';
import { codeOf, findBlob, until } from './asks.ts';
import { gatedStore, type GatedStore } from './gated-store.ts';
import { image, push } from './images.ts';
import { newWorld, openRegion, type TestRegion } from './regions.ts';

const NOWHERE = digestOf(Buffer.from('nowhere'));
const LONG_MS = 60_000;

describeStores((subject) => {
  let us: TestRegion;
  let eu: TestRegion;
  let gate: GatedStore;
  let nowMs: number;

  /** Two regions; `eu` has a clock of the test's own, and reads the head only when it is asked something. */
  beforeEach(async () => {
    const { client } = subject();
    const world = newWorld();
    gate = gatedStore(client);
    nowMs = 1_000_000;
    const clock = { monotonicMs: () => nowMs, nowMs: () => nowMs };
    const settings = { headEveryMs: LONG_MS, maxStuckMs: LONG_MS };
    us = await openRegion({ etcd: client, client, world });
    eu = await openRegion({ etcd: gate, client, world, region: 'eu', settings, clock });
    gate.ranges.length = 0;
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
    nowMs += LONG_MS / 2;
    expect(await codeOf(findBlob(eu, 'find/old', NOWHERE, true))).toBe('BLOB_UNKNOWN');
    expect(headReads()).toBe(1);
    // Which has shown how new it is.
    expect(await codeOf(findBlob(eu, 'find/old', NOWHERE, true))).toBe('BLOB_UNKNOWN');
    expect(headReads()).toBe(1);
  });
});
