import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { digestOf, image, pushContent, type Content, type Piece } from '#test/support/content.ts';
import { blobPath, DAMAGES, loseBlob } from '#test/support/damage.ts';
import { healNow } from '#test/support/healing.ts';
import { send } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';

const WAIT = { timeout: 90_000, interval: 100 };
const HASH_BYTES = 8;

interface Compared {
  readonly underReplicated: {
    readonly blobs: number;
    readonly bytes: number;
    readonly images: number;
    readonly exact: boolean;
  } | null;
  readonly regions: readonly {
    readonly region: string;
    readonly compared: readonly ComparedRegion[];
  }[];
}

interface ComparedRegion {
  readonly region: string;
  readonly equal: boolean;
  readonly lacksBlobs: number;
}

describe('regions that compare what they hold', () => {
  let cluster: TestCluster;
  const storage = (region: RegionName): string => join(cluster.dataDir, region, 'storage');
  const told = async (region: RegionName = 'us'): Promise<Compared> =>
    JSON.parse(
      (await send(cluster.registry(region), 'GET', '/meridian/v1/status')).body.toString(),
    ) as Compared;
  /** What the region has found of the others, by name. */
  const comparedBy = async (region: RegionName): Promise<ComparedRegion[]> => {
    const { compared = [] } = (await told(region)).regions.find((one) => one.region === region) ?? {};
    return compared.toSorted((a, b) => (a.region < b.region ? -1 : 1));
  };
  /** Names of those that the region has found to hold all that they should. */
  const equalTo = async (region: RegionName): Promise<string[]> =>
    (await comparedBy(region)).filter(({ equal }) => equal).map((one) => one.region);
  const allEqual = async (): Promise<void> => {
    for (const region of REGIONS) await expect.poll(() => equalTo(region), WAIT).toHaveLength(2);
  };

  beforeAll(async () => {
    cluster = await startCluster({
      env: {
        MERIDIAN_COMPARE_INTERVAL_MS: '300',
        MERIDIAN_RECOUNT_INTERVAL_MS: '5120',
        MERIDIAN_SCRUB_INTERVAL_MS: '1000',
      },
    });
  });
  afterAll(() => cluster.dispose());

  it('ask one small question each time while all is as it should be', async () => {
    await pushContent(cluster.registry('us'), 'compare/equal', image('compare/equal'), '1');
    // What no manifest names is held by one region alone, and does not matter.
    await pushContent(cluster.registry('us'), 'compare/equal', {
      blobs: image('loose').blobs,
      manifests: [],
    }).catch(() => undefined);
    await wholeIn('eu', image('compare/equal'));
    await allEqual();
    expect((await told()).underReplicated).toMatchObject({ blobs: 0, images: 0, exact: true });

    const asked = (): Promise<number> => cluster.metric('us', 'meridian_summary_questions_total');
    const bytesTold = (): Promise<number> => cluster.metric('us', 'meridian_summary_bytes_total');
    const bytesOfQuestion = async (): Promise<number> => {
      const before = { questions: await asked(), bytes: await bytesTold() };
      await expect.poll(asked, WAIT).toBeGreaterThan(before.questions + 6);
      const bytes = (await bytesTold()) - before.bytes;
      return bytes / ((await asked()) - before.questions);
    };
    // What the pushes have changed may still be on its way from one to the other.
    await expect.poll(bytesOfQuestion, WAIT).toBeLessThanOrEqual(HASH_BYTES);
  });

  it('find and repair what one of them has lost in any way, while pushes go on', async () => {
    const random = seededRandom(7);
    const images = Array.from({ length: 12 }, (_, i) => image(`compare/damaged ${i}`, { layers: 3 }));
    for (const content of images) await pushContent(cluster.registry('us'), 'compare/damaged', content);
    for (const content of images) await wholeIn('ap', content);
    const ways = [...Object.values(DAMAGES), loseBlob];
    const pieces = images.flatMap(({ blobs, manifests }) => [...blobs, ...manifests]);
    const victims = pieces.filter(() => random() < 0.5);
    expect(victims.length).toBeGreaterThan(10);

    const later = Array.from({ length: 12 }, (_, i) => image(`compare/later ${i}`));
    const pushing = (async () => {
      for (const content of later) await pushContent(cluster.registry('ap'), 'compare/later', content);
    })();
    for (const [i, { digest }] of victims.entries()) await ways[i % ways.length]?.(storage('ap'), digest);
    await pushing;

    for (const content of [...images, ...later]) await wholeIn('ap', content);
    await allEqual();
    expect((await told('eu')).underReplicated).toMatchObject({ blobs: 0, exact: true });
    expect(await healNow(cluster.registry('us'), 'ap', 'verify')).toMatchObject({
      damaged: 0,
      missing: 0,
      lost: 0,
    });
  }, 200_000);

  it('find out what went while one of them was down', async () => {
    const content = image('compare/killed');
    await pushContent(cluster.registry('us'), 'compare/killed', content, '1');
    await wholeIn('eu', content);
    await cluster.kill('eu');
    for (const { digest } of content.blobs) await loseBlob(storage('eu'), digest);
    await expect.poll(async () => (await told()).underReplicated, WAIT).toBeNull();
    await cluster.restart('eu');
    await wholeIn('eu', content);
    await allEqual();
    await expect
      .poll(async () => (await told()).underReplicated, WAIT)
      .toMatchObject({ blobs: 0, exact: true });
  }, 200_000);

  it('tell exactly what is in too few of them', async () => {
    const content = image('compare/lost', { layers: 2 });
    await pushContent(cluster.registry('us'), 'compare/lost', content, '1', '2');
    for (const region of REGIONS) await wholeIn(region, content);
    const [, lost] = content.blobs as [Piece, Piece];
    // A copy that is under way may bring it back: it is gone once none has had it for a while.
    const withoutIt = async <T>(look: () => Promise<T>): Promise<T> => {
      for (let quiet = 0; quiet < 3; quiet++) {
        for (const region of REGIONS)
          await loseBlob(storage(region), lost.digest).then(
            () => (quiet = -1),
            () => undefined,
          );
        await pause(100);
      }
      return look();
    };
    const expected = { blobs: 1, bytes: lost.bytes.length, images: 1, exact: true };
    for (const region of REGIONS) {
      const few = async (): Promise<Compared['underReplicated']> => (await told(region)).underReplicated;
      await expect.poll(() => withoutIt(few), WAIT).toMatchObject(expected);
      const others = REGIONS.filter((other) => other !== region).sort();
      const lacking = others.map((other) => ({ region: other, equal: false, lacksBlobs: 1 }));
      await expect.poll(() => withoutIt(() => comparedBy(region)), WAIT).toMatchObject(lacking);
    }
    const metric = (): Promise<number> => cluster.metric('us', 'meridian_under_replicated_blobs');
    await expect.poll(() => withoutIt(metric), WAIT).toBe(1);
  }, 200_000);

  /** Waits until the region's disk has every piece as it was pushed. */
  async function wholeIn(region: RegionName, { blobs, manifests }: Content): Promise<void> {
    for (const { digest } of [...blobs, ...manifests]) {
      const read = (): Promise<string> =>
        readFile(blobPath(storage(region), digest)).then(
          (bytes) => digestOf(bytes),
          () => 'absent',
        );
      await expect.poll(read, WAIT).toBe(digest);
    }
  }
});
