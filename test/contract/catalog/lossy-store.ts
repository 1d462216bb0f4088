import { connectEtcd } from '#libs/etcd/client.ts';
import type { KeyValueStore, TxnRequest } from '#libs/etcd/store.ts';
import { HEAD_KEY } from '#services/replication/catalog/keys.ts';
import type { Subject } from '#test/contract/etcd/stores.ts';
import { startTcpProxy, type TcpProxy } from '#test/support/tcp-proxy.ts';

/** A store whose next transactions that change the catalog lose their connection after they were sent; later ones go straight. */
export interface LossyStore extends KeyValueStore {
  /** Loses the answers of this many of them from now on. */
  lose(writes: number): void;
  /** What became of each. */
  readonly outcomes: string[];
}

export async function lossyStore({ client, server }: Subject): Promise<LossyStore> {
  let losses = 0;
  const outcomes: string[] = [];
  const writeThroughProxy = async (request: TxnRequest, signal: AbortSignal) => {
    const proxy: TcpProxy = await startTcpProxy(server.port);
    const lossy = connectEtcd({ endpoints: [proxy.endpoint], callTimeoutMs: 3_000 });
    try {
      await lossy.range({ key: HEAD_KEY }, signal);
      proxy.loseAnswers();
      return await lossy.txn(request, signal);
    } finally {
      lossy.close();
      await proxy.close();
    }
  };
  return {
    outcomes,
    lose: (writes) => {
      losses = writes;
    },
    range: (request, signal) => client.range(request, signal),
    watch: (request, signal) => client.watch(request, signal),
    compact: (revision, signal) => client.compact(revision, signal),
    txn: async (request, signal) => {
      const changesCatalog = request.then?.some(
        (operation) => operation.kind === 'put' && operation.key === HEAD_KEY,
      );
      if (changesCatalog !== true) return client.txn(request, signal);
      const lost = losses > 0;
      losses -= 1;
      try {
        const answer = await (lost ? writeThroughProxy(request, signal) : client.txn(request, signal));
        outcomes.push(answer.succeeded ? 'succeeded' : 'failed');
        return answer;
      } catch (error) {
        outcomes.push((error as { outcomeUnknown?: boolean }).outcomeUnknown === true ? 'unknown' : 'error');
        throw error;
      }
    },
  };
}
