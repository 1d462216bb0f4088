import type { ResponseHeader } from '#types/etcdserverpb/ResponseHeader.ts';
import type { Store } from './store.ts';

/** The header of a response: who answers, and at which revision. */
export function responseHeader(store: Store, revision = store.state().revision): ResponseHeader {
  const { clusterId, memberId, raftTerm } = store.identity;
  return { clusterId, memberId, revision, raftTerm };
}
