import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failpoint } from '#libs/failpoint.ts';
import { pull, pullBlob, send } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { readBudget } from './support/budget.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { finishUpload, recordPush, type RecordedPush } from './support/recorded-push.ts';
import type { RegionProcess } from './support/region-process.ts';
import { wrongBlobFiles } from './support/region-files.ts';
import { makeSmallImage, type SmallImage } from './support/small-image.ts';

const { seed, whole } = readBudget();
/** Cases that `npm test` takes. */
const SELECTED = 3;
const GIVE_UP_MS = 60_000;
/** Until the region must have died, and how long it may take to be gone after one of them. */
const MAX_PUSHES = 10;
const DIES_WITHIN_MS = 2_000;

/** Who dies: whom the push goes to, who has to hold it too, or who gets it afterwards, asked by a client or by itself. */
type Role = 'pushed to' | 'holding' | 'pulled from' | 'replicating';

/** Those of collections and of the quarantine have tests of their own. */
type OfPushes = Exclude<Failpoint, `collect.${string}` | `quarantine.${string}`>;

const ROLES: Record<OfPushes, readonly Role[]> = {
  'upload.written': ['pushed to'],
  'upload.flushed': ['pushed to'],
  'upload.verified': ['pushed to'],
  'upload.finished': ['pushed to'],
  'announce.told': ['pushed to'],
  'blob.renamed': ['pushed to', 'holding'],
  'blob.published': ['pushed to', 'holding'],
  'blob.pinned': ['pushed to', 'holding'],
  'blob.stored': ['pushed to', 'holding'],
  'push.stored': ['pushed to'],
  'push.prepared': ['pushed to'],
  'hold.fetched': ['holding'],
  'hold.pinned': ['pushed to', 'holding'],
  'push.held': ['pushed to'],
  'push.committed': ['pushed to'],
  'copy.begun': ['holding', 'pulled from'],
  'copy.midway': ['holding', 'pulled from', 'replicating'],
  'copy.received': ['holding', 'pulled from'],
  'copy.flushed': ['holding', 'pulled from'],
  'copy.published': ['holding', 'pulled from', 'replicating'],
  'replicate.held': ['replicating'],
};
const REGION_OF: Record<Role, string> = {
  'pushed to': 'us',
  holding: 'eu',
  'pulled from': 'ap',
  replicating: 'ap',
};

function cases(): { failpoint: OfPushes; role: Role }[] {
  const failpoints = Object.keys(ROLES) as OfPushes[];
  const all = failpoints.flatMap((failpoint) => ROLES[failpoint].map((role) => ({ failpoint, role })));
  if (whole) return all;
  const random = seededRandom(seed);
  return Array.from({ length: SELECTED }, () => all.splice(Math.floor(random() * all.length), 1)).flat();
}

describe(`a region killed midway loses nothing acknowledged and shows nothing half-written (seed ${seed})`, () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({ etcd: 'coordinator' });
    // eu is nearer to us than ap, so it is the one that holds what is pushed.
    cluster.links.set('us', 'ap', { delayMs: 30 });
    cluster.links.set('eu', 'ap', { delayMs: 30 });
  });
  afterAll(() => cluster.dispose());

  it.each(cases())(
    '$failpoint, in the region $role',
    async ({ failpoint, role }) => {
      const repository = `team/${failpoint.replace('.', '-')}`;
      const dying = cluster.region(REGION_OF[role]);
      await dying.kill();
      await dying.start({ failpoint });

      const { tag, image, record } = await pushUntilItDies(cluster, dying, role, repository);
      // Whoever else is asked takes its place.
      if (role !== 'pushed to') expect(record).toMatchObject({ acknowledged: true });
      const others = cluster.regions.filter((region) => region !== dying);
      if (record.acknowledged)
        for (const { registry } of others) await eventually(() => pull(registry, repository, tag));

      await dying.start();
      await nothingLost(cluster, repository, record);
      await nothingHalfWritten(cluster, repository, tag, image);
      const again = await eventually(async () => {
        const signal = AbortSignal.timeout(GIVE_UP_MS);
        const repeated = await recordPush(() => dying.registry, repository, tag, image, signal);
        if (!repeated.acknowledged) throw new Error(repeated.failure);
        return repeated;
      });
      await nothingLost(cluster, repository, again);
      for (const { registry } of cluster.regions)
        await expect(pull(registry, repository, tag)).resolves.toMatchObject({ digest: image.digest });
    },
    3 * GIVE_UP_MS,
  );
});

/** On a busy machine another region may be quicker than the one that would die, and is then asked in its place. */
async function pushUntilItDies(
  cluster: FaultCluster,
  dying: RegionProcess,
  role: Role,
  repository: string,
): Promise<{ tag: string; image: SmallImage; record: RecordedPush }> {
  for (let pushes = 1; ; pushes++) {
    const tag = `${role.replace(' ', '-')}-${pushes}`;
    const image = makeSmallImage(`${repository} ${tag}`, [700_000, 3]);
    const record = await pushAndPull(cluster, role, repository, tag, image);
    const died = dying.ended();
    if (pushes === MAX_PUSHES) await died;
    await Promise.race([died, pause(DIES_WITHIN_MS)]);
    if (!dying.isRunning()) return { tag, image, record };
  }
}

async function pushAndPull(
  cluster: FaultCluster,
  role: Role,
  repository: string,
  tag: string,
  image: SmallImage,
): Promise<RecordedPush> {
  const signal = AbortSignal.timeout(GIVE_UP_MS);
  const push = (): Promise<RecordedPush> =>
    recordPush(() => cluster.region('us').registry, repository, tag, image, signal);
  if (role !== 'pulled from') return push();
  for (const other of ['us', 'eu']) cluster.links.set('ap', other, { flow: 'held' });
  const record = await push();
  for (const other of ['us', 'eu']) cluster.links.set('ap', other, { flow: 'open' });
  // It dies before it has answered.
  await pull(cluster.region('ap').registry, repository, tag).catch(() => undefined);
  return record;
}

/** Every acknowledged blob is there through every region, and an upload goes on from what was acknowledged. */
async function nothingLost(cluster: FaultCluster, repository: string, record: RecordedPush): Promise<void> {
  const { upload } = record;
  if (upload !== undefined) await eventually(() => finishUpload(cluster.region('us').registry, upload));
  for (const { registry } of cluster.regions)
    for (const digest of record.blobs) await eventually(() => pullBlob(registry, repository, digest));
}

/** The tag is whole in every region, or in none; and so are the files. */
async function nothingHalfWritten(
  cluster: FaultCluster,
  repository: string,
  tag: string,
  image: SmallImage,
): Promise<void> {
  const seen = new Set<string>();
  for (const region of cluster.regions) {
    const { status } = await eventually(async () => {
      const answer = await send(region.registry, 'HEAD', `/v2/${repository}/manifests/${tag}`);
      if (answer.status === 503) throw new Error(`${region.name} does not know.`);
      return answer;
    });
    seen.add(String(status));
    if (status !== 404) expect((await pull(region.registry, repository, tag)).digest).toBe(image.digest);
    expect(await wrongBlobFiles(region)).toEqual([]);
  }
  expect(seen.size).toBe(1);
}
