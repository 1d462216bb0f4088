import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import type { EtcdClient, KeyValue, Operation, OperationResult } from '#libs/etcd/store.ts';
import {
  etcdLeftOut,
  hasEtcd,
  startCoordinatorProcess,
  startEtcd,
  type EtcdProcess,
} from '#test/support/etcd.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { randomStep, type Step } from './random-history.ts';
import { CALL_TIMEOUT_MS, inShort, takeUntil, testSignal } from './stores.ts';

const STEPS = 250;
const SEEDS = [11, 12, 13];

describe.runIf(hasEtcd)(`the coordinator beside etcd${etcdLeftOut}`, () => {
  const servers: EtcdProcess[] = [];
  const stores: Store[] = [];
  beforeAll(async () => {
    servers.push(...(await Promise.all([startCoordinatorProcess(), startEtcd()])));
    for (const { endpoint } of servers)
      stores.push({
        client: connectEtcd({ endpoints: [endpoint], callTimeoutMs: CALL_TIMEOUT_MS }),
        leases: [],
      });
  });
  afterAll(async () => {
    for (const { client } of stores) client.close();
    await Promise.all(servers.map((server) => server.dispose()));
  });

  it.each(SEEDS)(
    'gives the same answers, revisions and events for the same history (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      const from = await newestRevision(stores);
      let revision = from;
      for (let i = 0; i < STEPS; i++) {
        const step = randomStep(random, revision, stores[0]?.leases.length ?? 0);
        const [mine, etcds] = await Promise.all(stores.map((store) => outcome(store, step)));
        expect({ i, step, answer: mine }).toEqual({ i, step, answer: etcds });
        revision = await newestRevision(stores);
      }
      for (let start = from; start <= revision; start += 1 + Math.floor(random() * 20)) {
        const [mine, etcds] = await Promise.all(stores.map((store) => history(store, start, revision)));
        expect({ start, events: mine }).toEqual({ start, events: etcds });
      }
    },
  );
});

interface Store {
  readonly client: EtcdClient;
  /** Ids of the leases by their number; each store has its own. */
  readonly leases: string[];
}

/** What a step gives, without what may differ: addresses and lease ids. */
async function outcome(store: Store, step: Step): Promise<unknown> {
  try {
    return await run(store, step);
  } catch (error) {
    const { constructor, message } = error as Error;
    return `${constructor.name}: ${message.replace(/127\.0\.0\.1:\d+/, 'the store')}`;
  }
}

async function run({ client, leases }: Store, step: Step): Promise<unknown> {
  const numbered = (kv: KeyValue): KeyValue => ({ ...kv, lease: String(leases.indexOf(kv.lease)) });
  const withIds = (operation: Operation): Operation =>
    operation.kind === 'put' && operation.lease !== undefined
      ? { ...operation, lease: leases[Number(operation.lease)] ?? '1' }
      : operation;
  const compared = (result: OperationResult): OperationResult =>
    result.kind === 'range' ? { ...result, kvs: result.kvs.map(numbered) } : result;
  switch (step.kind) {
    case 'txn': {
      const { compare = [], then = [], else: otherwise = [] } = step.txn;
      const txn = { compare, then: then.map(withIds), else: otherwise.map(withIds) };
      const result = await client.txn(txn, testSignal());
      return { ...result, responses: result.responses.map(compared) };
    }
    case 'range':
      return compared({ kind: 'range', ...(await client.range(step.range, testSignal())) });
    case 'compact':
      return client.compact(step.revision, testSignal());
    case 'grant': {
      const { id, ttlSeconds } = await client.grant(3600, testSignal());
      leases.push(id);
      return ttlSeconds;
    }
    case 'revoke':
      return client.revoke(leases[step.lease] ?? '1', testSignal());
  }
}

/** All events from a revision up to another; or why they can't be had. */
async function history({ client, leases }: Store, from: number, to: number): Promise<unknown> {
  const probe = await client.range({ key: 'probe' }, testSignal());
  expect(probe.revision).toBe(to);
  const abort = new AbortController();
  const signal = AbortSignal.any([abort.signal, testSignal()]);
  const watch = client.watch({ key: '\0', rangeEnd: '\0', fromRevision: from }, signal);
  try {
    const events = await takeUntil(watch, (seen) => seen.at(-1)?.kv.modRevision === to);
    return events.map((event) => `${inShort(event)} ${event.kv.version} ${leases.indexOf(event.kv.lease)}`);
  } catch (error) {
    const { constructor, compactRevision } = error as Error & { compactRevision?: number };
    return { error: constructor.name, compactRevision };
  }
}

async function newestRevision(stores: readonly Store[]): Promise<number> {
  const answers = await Promise.all(stores.map(({ client }) => client.range({ key: 'probe' }, testSignal())));
  const [mine, etcds] = answers.map(({ revision }) => revision);
  expect(mine).toBe(etcds);
  return mine ?? 0;
}
