import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { send } from '#test/support/registry-client.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { holdsBlob } from './support/region-files.ts';
import { makeSmallImage, pushSmallImage } from './support/small-image.ts';

const MEGABYTE = 1024 * 1024;
const BLOB_BYTES = 16 * MEGABYTE;
const REPOSITORY = 'team/first';
const MAX_TEST_MS = 120_000;

describe('what a client waits for comes before what is copied for nobody', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      ...{ etcd: 'coordinator', regions: ['us', 'eu'] },
      env: {
        MERIDIAN_ANNOUNCE_REGIONS: '0',
        MERIDIAN_MIN_FREE_BYTES: '0',
        // At this rate a copy takes twenty minutes.
        MERIDIAN_BACKGROUND_LIMITS: 'us=0.1',
      },
    });
  });
  afterAll(() => cluster.dispose());

  it(
    'also where the copy began for nobody, and the client came upon it',
    async () => {
      const us = cluster.region('us').registry;
      const settings = { body: JSON.stringify({ durability: 'local' }) };
      const path = `/meridian/v1/repositories/${REPOSITORY}/settings`;
      expect((await send(us, 'PATCH', path, settings)).status).toBe(200);
      const blob = randomBytes(BLOB_BYTES);
      const digest = digestOf(blob);
      const link = cluster.links.link('us', 'eu');
      const before = link.bytes;
      await pushSmallImage([us], REPOSITORY, 'latest', makeSmallImage('first', [], [blob]));
      await eventually(async () => {
        if (link.bytes - before < MEGABYTE) throw new Error('The copy has not begun.');
      });
      const eu = cluster.region('eu');
      expect(await holdsBlob(eu, digest)).toBe(false);
      const { status, body } = await send(eu.registry, 'GET', `/v2/${REPOSITORY}/blobs/${digest}`);
      expect([status, body.equals(blob)]).toEqual([200, true]);
    },
    MAX_TEST_MS,
  );
});
