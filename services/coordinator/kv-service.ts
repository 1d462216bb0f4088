import { checkDelete, checkPut, checkTxn } from './check.ts';
import type { KvService } from './contract.ts';
import { responseHeader } from './header.ts';
import { parseKeyRange } from './keyrange.ts';
import type { LeaseTable } from './lease-table.ts';
import { checkRange, readRange } from './range.ts';
import type { Store } from './store.ts';
import { checkLease, isReadOnly, runTxn, type TxnOutcome } from './transaction.ts';
import { createWriter, type Writer } from './writer.ts';

/** etcd's KV service. Every answer to a write is given after its commit is on disk; every read sees all answered writes. */
export function createKvService(store: Store, leases: LeaseTable): KvService {
  return {
    range: async (request) => {
      checkRange(request);
      const response = readRange(store.history, request, store.state());
      return { ...response, header: responseHeader(store) };
    },
    put: async (request, { signal }) => {
      checkPut(request);
      const revision = await store.write((writer) => {
        checkLease(request.lease, leases);
        writer.put(request.key, request.value, request.lease);
        return writer.revision();
      }, signal);
      return { header: responseHeader(store, revision) };
    },
    deleteRange: async (request, { signal }) => {
      checkDelete(request);
      const range = parseKeyRange(request.key, request.rangeEnd);
      const { deleted, revision } = await store.write(
        (writer) => ({ deleted: writer.delete(range), revision: writer.revision() }),
        signal,
      );
      return { header: responseHeader(store, revision), deleted };
    },
    txn: async (request, { signal }) => {
      checkTxn(request);
      const run = (writer: Writer): TxnOutcome => runTxn(request, writer, leases);
      const { revision, ...outcome } = isReadOnly(request)
        ? run(createWriter(store.history, store.state()))
        : await store.write(run, signal);
      return { header: responseHeader(store, revision), ...outcome };
    },
    compact: async ({ revision, physical }, { signal }) => {
      await store.compact(revision, physical, signal);
      return { header: responseHeader(store) };
    },
  };
}
