import type { KeyValueStore } from '#libs/etcd/store.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { describeSettings, readSettings, scopeOf } from './settings-state.ts';

/** `Catalog.GetSettings`: as the quorum has them, so that a change is seen from every region as soon as it was answered. */
export function createGetSettings({ etcd }: { readonly etcd: KeyValueStore }): Catalog['getSettings'] {
  return async (request, { signal }) => {
    const scope = scopeOf(request.repository);
    const state = await readSettings(etcd, scope, signal);
    return {
      settings: describeSettings(scope.repository, state),
      version: state.version,
      position: { ...state.position, stalenessMs: 0 },
    };
  };
}
