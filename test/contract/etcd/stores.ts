import { afterAll, beforeAll, describe, onTestFinished } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import type { EtcdClient, TxnResult, WatchBatch, WatchEvent } from '#libs/etcd/store.ts';
import {
  etcdLeftOut,
  hasEtcd,
  startCoordinatorProcess,
  startEtcd,
  type EtcdProcess,
} from '#test/support/etcd.ts';

/** One implementation under test: its process and a client of it. */
export interface Subject {
  readonly server: EtcdProcess;
  readonly client: EtcdClient;
}

export const CALL_TIMEOUT_MS = 10_000;

const implementations = [
  { name: 'the embedded coordinator', start: startCoordinatorProcess, run: true },
  { name: `etcd${etcdLeftOut}`, start: startEtcd, run: hasEtcd },
];

/** Runs the same tests on the coordinator and, where there is one, on real etcd. */
export function describeStores(tests: (subject: () => Subject) => void): void {
  for (const { name, start, run } of implementations)
    describe.runIf(run)(name, () => {
      let subject: Subject | undefined;
      beforeAll(async () => {
        const server = await start();
        subject = {
          server,
          client: connectEtcd({ endpoints: [server.endpoint], callTimeoutMs: CALL_TIMEOUT_MS }),
        };
      });
      afterAll(async () => {
        subject?.client.close();
        await subject?.server.dispose();
      });
      tests(() => {
        if (subject === undefined) throw new Error(`${name} was not started.`);
        return subject;
      });
    });
}

/** A client of another, empty store, which the test's end stops. */
export async function openAnotherStore(): Promise<EtcdClient> {
  const server = await startCoordinatorProcess();
  const client = connectEtcd({ endpoints: [server.endpoint], callTimeoutMs: 5_000 });
  onTestFinished(async () => {
    client.close();
    await server.dispose();
  });
  return client;
}

/** A signal that outlasts every call of a test. */
export function testSignal(): AbortSignal {
  return AbortSignal.timeout(50_000);
}

let prefixes = 0;

/** Keys that no other test of the file uses. */
export function freshPrefix(): string {
  prefixes += 1;
  return `/test${prefixes}/`;
}

export function put(client: EtcdClient, key: string, value: string, lease = '0'): Promise<TxnResult> {
  return client.txn({ then: [{ kind: 'put', key, value: Buffer.from(value), lease }] }, testSignal());
}

/** Takes batches of a watch until `enough` is true of what came, then leaves it. */
export async function takeUntil(
  watch: AsyncIterable<WatchBatch>,
  enough: (events: readonly WatchEvent[]) => boolean,
): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const batch of watch) {
    events.push(...batch.events);
    if (enough(events)) break;
  }
  return events;
}

/** An event in few words, to compare by. */
export function inShort({ kind, kv }: WatchEvent): string {
  return `${kv.modRevision} ${kind} ${kv.key} ${kv.value.toString()}`.trim();
}
