import { createAuthState, type AuthState } from '#libs/auth/state.ts';
import type { AuthView, ViewState } from '../view/view.ts';
import { changedEntries, entryOf } from './entries.ts';

/** Identities and permissions as the view has them, read: changes are judged by it. It follows the view until the process ends. */
export function knownIdentities(view: ViewState & AuthView): AuthState {
  const state = createAuthState();
  const readAll = (): void => state.apply({ reset: true, entries: view.authRows().map(entryOf) });
  view.subscribe(({ reset, auth }) => {
    if (reset) readAll();
    else if (auth.length > 0) state.apply({ reset: false, entries: changedEntries(view, auth) });
  });
  readAll();
  return state;
}
