import { EMBEDDED_MEMBER } from '#libs/etcd/embedded.ts';
import type { ClusterService } from './contract.ts';
import { responseHeader } from './header.ts';
import type { Store } from './store.ts';

/** etcd's Cluster service: the one member there is, which says by its name that it is no etcd. */
export function createClusterService(store: Store): ClusterService {
  return {
    memberList: async () => {
      const ID = store.identity.memberId;
      const members = [{ ID, name: EMBEDDED_MEMBER, peerURLs: [], clientURLs: [], isLearner: false }];
      return { header: responseHeader(store), members };
    },
  };
}
