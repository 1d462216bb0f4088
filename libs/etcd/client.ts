import type { IMemberListResponse, IRangeResponse, IStatusResponse, ITxnResponse } from 'etcd3';
import { unaryCall, type Caller } from './call.ts';
import { createLeases } from './leases.ts';
import { openMember, type MemberOptions } from './member.ts';
import { rangeRequest, txnRequest } from './requests.ts';
import { integer, rangeResult, txnResult } from './responses.ts';
import type { EtcdClient } from './store.ts';
import { watch } from './watch.ts';

export interface EtcdOptions extends MemberOptions {
  /** URLs of the members, the preferred one first: the others are asked only while it can't be reached. */
  readonly endpoints: readonly [string, ...string[]] | readonly string[];
  /** The most time for one call, making the connection included. */
  readonly callTimeoutMs: number;
}

/** A client of an etcd cluster or of the embedded coordinator. It connects on first use, and again by itself. */
export function connectEtcd({ endpoints, ...options }: EtcdOptions): EtcdClient {
  const { callTimeoutMs } = options;
  const members = endpoints.map((endpoint) => openMember(endpoint, options));
  const caller: Caller = { members, callTimeoutMs };
  return {
    ...createLeases(caller),
    range: async (request, signal) => {
      const call = { service: 'KV', method: 'range', kind: 'read' } as const;
      return rangeResult(await unaryCall<IRangeResponse>(caller, call, rangeRequest(request), signal));
    },
    txn: async (request, signal) => {
      const operations = [...(request.then ?? []), ...(request.else ?? [])];
      const kind = operations.every((operation) => operation.kind === 'range') ? 'read' : 'write';
      const call = { service: 'KV', method: 'txn', kind } as const;
      return txnResult(await unaryCall<ITxnResponse>(caller, call, txnRequest(request), signal));
    },
    watch: (request, signal) => watch(caller, request, signal),
    compact: async (revision, signal) => {
      const call = { service: 'KV', method: 'compact', kind: 'write' } as const;
      await unaryCall(caller, call, { revision }, signal);
    },
    status: async (signal) => {
      const call = { service: 'Maintenance', method: 'status', kind: 'read' } as const;
      const response = await unaryCall<IStatusResponse>(caller, call, {}, signal);
      return {
        version: response.version,
        clusterId: response.header.cluster_id,
        memberId: response.header.member_id,
        leader: response.leader,
        revision: integer(response.header.revision),
        sizeBytes: integer(response.dbSize),
        sizeInUseBytes: integer(response.dbSizeInUse),
      };
    },
    members: async (signal) => {
      const call = { service: 'Cluster', method: 'memberList', kind: 'read' } as const;
      const { members } = await unaryCall<IMemberListResponse>(caller, call, {}, signal);
      return members.map(({ ID, name, clientURLs }) => ({ id: ID, name, clientUrls: clientURLs }));
    },
    close: () => {
      for (const member of members) member.close();
    },
  };
}
