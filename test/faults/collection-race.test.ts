import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { collectNow } from '#test/support/collection.ts';
import { pull, pushBlob } from '#test/support/registry-client.ts';
import { inWholeSuiteOnly, readBudget } from './support/budget.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { holdsBlob } from './support/region-files.ts';
import { makeSmallImage, putManifest } from './support/small-image.ts';

const { whole } = readBudget();
/** Between the regions: what us has not got at an acknowledgement, it can't get before eu is gone. */
const BETWEEN_MS = 150;
/** For what eu asks of etcd; the pins in us are over long before. */
const COMMIT_DELAY_MS = 3_000;
const SHORT_PINS_MS = 1_000;
const LONG_PINS_MS = 600_000;
const MAX_TEST_MS = 120_000;

interface Trial {
  readonly mutants?: readonly string[];
  /** Where the mutants are. */
  readonly in?: 'us' | 'eu';
}

describe('nothing referenced is ever collected', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      regions: ['us', 'eu'],
      env: { MERIDIAN_COLLECT: 'false', MERIDIAN_COLLECT_GRACE_MS: '0' },
    });
  });
  afterAll(() => cluster.dispose());

  const start = async (pinLifetimeMs: number, trial: Trial): Promise<void> => {
    const mutantsOf = (region: string): object => (trial.in === region ? { mutants: trial.mutants } : {});
    const pins = { MERIDIAN_PIN_LIFETIME_MS: String(pinLifetimeMs) };
    const collecting = { MERIDIAN_COLLECT: 'true', MERIDIAN_COLLECT_INTERVAL_MS: '20' };
    const [us, eu] = [cluster.region('us'), cluster.region('eu')];
    await Promise.all([us.kill(), eu.kill()]);
    cluster.links.heal();
    await Promise.all([
      us.start({ ...mutantsOf('us'), env: { ...pins, ...collecting } }),
      eu.start(mutantsOf('eu')),
    ]);
  };

  /**
   * eu is told that us holds the content of a push, and only then, while the push is on its way to etcd, us collects it: its pins are over.
   * Once the push is acknowledged after all, both must hold it: eu is lost, and us is asked.
   */
  const pushWhileCollecting = async (trial: Trial): Promise<void> => {
    await start(SHORT_PINS_MS, trial);
    const [us, eu] = [cluster.region('us'), cluster.region('eu')];
    const [repository, image] = ['team/race', makeSmallImage(String(performance.now()), [30_000])];
    for (const blob of image.blobs) await pushBlob(eu.registry, repository, digestOf(blob), blob);
    const layer = digestOf(image.blobs[1] ?? Buffer.alloc(0));
    // Announced, and collected as soon as it is not pinned any more.
    await until(() => holdsBlob(us, layer));
    await until(async () => !(await holdsBlob(us, layer)));

    cluster.links.set('us', 'eu', { delayMs: BETWEEN_MS });
    cluster.links.link('eu', 'coordinator').set({ delayMs: COMMIT_DELAY_MS });
    const pushing = eventually(async () => {
      const { status, body } = await putManifest(eu.registry, repository, 'race', image.manifest);
      if (status !== 201) throw new Error(`PUT gives ${status}: ${body.toString()}`);
      await eu.kill();
    });
    pushing.catch(() => undefined);
    await until(() => holdsBlob(us, layer));
    await until(async () => !(await holdsBlob(us, layer)));
    cluster.links.link('eu', 'coordinator').set({ delayMs: 0 });
    await pushing;
    expect((await pull(us.registry, repository, 'race')).digest).toBe(image.digest);
  };

  /** What is uploaded, and named by nothing yet, stays for the push that will name it. */
  const collectAfterUpload = async (trial: Trial): Promise<void> => {
    await start(LONG_PINS_MS, trial);
    const us = cluster.region('us');
    const blob = Buffer.from(`uploaded ${performance.now()}`);
    await pushBlob(us.registry, 'team/upload', digestOf(blob), blob);
    await collectNow(us.registry, 'us');
    await collectNow(us.registry, 'us');
    if (!(await holdsBlob(us, digestOf(blob)))) throw new Error('us no longer holds an acknowledged upload.');
  };

  it(
    'not even by a region whose pins are over before the push that counts on them commits',
    () => pushWhileCollecting({}),
    MAX_TEST_MS,
  );
  it('nor between an upload and its push', () => collectAfterUpload({}), MAX_TEST_MS);

  describe.runIf(whole)(`and a collector with a defect is found out${whole ? '' : inWholeSuiteOnly}`, () => {
    it.each<[string, 'us' | 'eu', (trial: Trial) => Promise<void>]>([
      ['commits-without-epochs', 'eu', pushWhileCollecting],
      ['collects-in-the-old-epoch', 'us', pushWhileCollecting],
      ['collects-what-is-pinned', 'us', collectAfterUpload],
    ])(
      'that %s',
      async (mutant, region, test) => {
        await expect(test({ mutants: [mutant], in: region })).rejects.toThrow(/got 503|no longer holds/);
      },
      MAX_TEST_MS,
    );
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('What was waited for did not come.');
    await pause(5);
  }
}
