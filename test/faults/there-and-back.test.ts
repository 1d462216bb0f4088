import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { collectNow, explain } from '#test/support/collection.ts';
import { descriptor, image, piece, pushContent, rootOf, type Content } from '#test/support/content.ts';
import { pull, send } from '#test/support/registry-client.ts';
import { inWholeSuiteOnly, readBudget } from './support/budget.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { place } from './support/move-placements.ts';
import { holdsBlob } from './support/region-files.ts';

const { whole } = readBudget();
const SHORT_PINS_MS = 1_000;
const LONG_PINS_MS = 600_000;
const ROUNDS = 3;
/** How long a pin of another region is waited for that a defect may never make. */
const PIN_WAIT_MS = 8_000;
/** So that ap can't hold what it is asked to for a minute. */
const LARGE_BYTES = 2_000_000;
const SLOW = { bytesPerSecond: 32_000, windowBytes: 16_000 };
const MAX_TEST_MS = 180_000;
/** On a busy machine a region may be too late to be where its defect shows. */
const MAX_TRIES = 3;

interface Trial {
  /** In us and eu. */
  readonly mutants?: readonly string[];
}

describe('content that leaves a region is not lost', () => {
  let cluster: FaultCluster;
  afterEach(() => cluster.dispose());

  const start = async (): Promise<void> => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      env: { MERIDIAN_COLLECT: 'false', MERIDIAN_COLLECT_GRACE_MS: '0' },
      start: Object.fromEntries(
        ['us', 'eu', 'ap'].map((name) => [
          name,
          { env: { MERIDIAN_PIN_LIFETIME_MS: String(SHORT_PINS_MS) } },
        ]),
      ),
    });
  };
  const again = async (trial: Trial): Promise<void> => {
    const env = { MERIDIAN_PIN_LIFETIME_MS: String(LONG_PINS_MS) };
    for (const name of ['us', 'eu']) {
      await cluster.region(name).kill();
      await cluster.region(name).start({ ...trial, env });
    }
  };
  const registry = (name: string): string => cluster.region(name).registry;
  const pinned = async (region: string, content: Content): Promise<boolean> =>
    (await explain(registry(region), region, rootOf(content).digest)).some(
      ({ pins }) => Array.isArray(pins) && pins.length > 0,
    );
  /** Places it in one region, and waits until those that are named know of it. */
  const moved = async (repository: string, to: string, ...knowing: string[]): Promise<void> => {
    await place(registry('eu'), { repository }, [to]);
    for (const name of knowing) {
      await until(async () => {
        const { status } = await send(registry(name), 'HEAD', `/v2/${repository}/manifests/1.0`);
        return (status === 403) === (name !== to);
      });
    }
  };
  const collect = async (region: string): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++) await collectNow(registry(region), region);
  };
  const pushed = async (repository: string, content: Content, ...regions: string[]): Promise<void> => {
    await place(registry('us'), { repository }, regions);
    await eventually(() => pushContent(registry('us'), repository, content, '1.0'));
    for (const name of regions) {
      await until(() => holdsBlob(cluster.region(name), rootOf(content).digest));
      await until(async () => !(await pinned(name, content)));
    }
  };

  /** us has the only copies, and must not have them any more, when eu can't be reached. */
  const leaveBeforeTheOthersHaveIt = async (trial: Trial): Promise<void> => {
    await start();
    const [repository, content] = ['team/leaves', image('leaves')];
    await pushed(repository, content, 'us');
    await again(trial);
    cluster.links.set('us', 'eu', { flow: 'broken' });
    await moved(repository, 'eu', 'us', 'eu');
    await collect('us');
    cluster.links.heal();
    await eventually(() => pull(registry('eu'), repository, '1.0'));
    await until(async () => {
      await collect('us');
      return !(await holdsBlob(cluster.region('us'), rootOf(content).digest));
    });
    await pull(registry('eu'), repository, '1.0');
  };

  /**
   * Content of us and eu is to be in eu only. us lets it go, and when it has asked eu, but waits for ap to take something else, the content
   * is placed in us only, which us hears of too late: now eu lets it go as well.
   */
  const goThereAndBack = async (trial: Trial): Promise<void> => {
    await start();
    const other = largeImage();
    const content = comingBefore(other);
    await pushed('team/back', content, 'us', 'eu');
    await pushed('team/other', other, 'us');
    await again(trial);
    cluster.links.link('us', 'ap').set(SLOW);
    await moved('team/other', 'ap', 'us', 'ap');
    await moved('team/back', 'eu', 'us', 'eu');
    const collecting = collect('us');
    collecting.catch(() => undefined);
    // Without a defect there will be one.
    const waitsUntil = performance.now() + (trial.mutants === undefined ? Infinity : PIN_WAIT_MS);
    await until(async () => performance.now() > waitsUntil || (await pinned('eu', content)));

    cluster.links.link('coordinator', 'us').set({ flow: 'held' });
    await moved('team/back', 'us', 'eu');
    await collect('eu');
    cluster.links.link('us', 'ap').set({ bytesPerSecond: Infinity });
    await until(async () => !(await holdsBlob(cluster.region('us'), rootOf(content).digest)));
    cluster.links.heal();
    await collecting;
    await eventually(() => pull(registry('us'), 'team/back', '1.0'));
  };

  it(
    'however early it has to go: it stays until other regions have pinned it',
    () => leaveBeforeTheOthersHaveIt({}),
    MAX_TEST_MS,
  );
  it(
    'even there and back: of two regions that let it go, one keeps it',
    () => goThereAndBack({}),
    MAX_TEST_MS,
  );

  describe.runIf(whole)(`and a region with a defect is found out${whole ? '' : inWholeSuiteOnly}`, () => {
    it.each<[string, (trial: Trial) => Promise<void>]>([
      ['lets-go-unasked', leaveBeforeTheOthersHaveIt],
      ['lets-go-of-copies', goThereAndBack],
    ])(
      'that %s',
      async (mutant, test) => {
        const failures: string[] = [];
        for (
          let tries = 0;
          tries < MAX_TRIES && !failures.some((words) => words.includes('got 503'));
          tries++
        ) {
          if (tries > 0) await cluster.dispose();
          await test({ mutants: [mutant] }).catch((error: unknown) => failures.push(String(error)));
        }
        expect(failures.join()).toContain('got 503');
      },
      MAX_TRIES * MAX_TEST_MS,
    );
  });
});

function largeImage(): Content {
  const { blobs, manifests } = image('other', { layers: 0 });
  const layer = piece(randomBytes(LARGE_BYTES), OCI_LAYER);
  const manifest = JSON.parse(manifests[0]?.bytes.toString() ?? '') as object;
  const bytes = JSON.stringify({ ...manifest, layers: [descriptor(layer)] });
  return { blobs: [...blobs, layer], manifests: [piece(bytes, OCI_MANIFEST)] };
}

/** An image whose blobs are asked for first: collections go by digests. */
function comingBefore(other: Content): Content {
  const first = (of: Content): string =>
    [...of.blobs, ...of.manifests].map(({ digest }) => digest).sort()[0] ?? '';
  for (let i = 0; ; i++) {
    const before = image(`before ${i}`);
    if (first(before) < first(other)) return before;
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('What was waited for did not come.');
    await pause(20);
  }
}
