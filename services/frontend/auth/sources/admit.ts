import type { GroupName, PrincipalName } from '#libs/auth/names.ts';
import type { AuthState } from '#libs/auth/state.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import type { KnownAuth } from '../known.ts';

/** Someone whom a directory has just vouched for. */
export interface Vouched {
  readonly name: PrincipalName;
  readonly from: { readonly name: string; readonly recordId: string; readonly subject: string };
  readonly groups: readonly GroupName[];
}

/** Sees to it that the catalog knows someone, in the groups that he is in now; gives his id here. Throws DENIED where the name is another's, and UNAVAILABLE. */
export type Admit = (state: AuthState, who: Vouched, signal: AbortSignal) => Promise<string>;

export interface AdmitOptions {
  readonly auth: Pick<Auth, 'admitUser'>;
  readonly known: Pick<KnownAuth, 'reached'>;
  /** How long it waits for this front end to know of it. */
  readonly knownWaitMs: number;
}

/** Nothing is written for who is known as he is. */
export function createAdmit({ auth, known, knownWaitMs }: AdmitOptions): Admit {
  return async (state, { name, from, groups }, signal) => {
    const there = state.principal(name);
    const before = there?.kind === 'user' ? there.directory : undefined;
    const isSame = before?.name === from.name && before.subject === from.subject;
    if (there !== undefined && isSame && before.groups.join() === groups.join()) return there.id;
    const request = {
      ...{ name, groups: [...groups] },
      ...{ directory: from.name, directoryId: from.recordId, subject: from.subject },
    };
    const { id, position } = await auth.admitUser(request, { signal });
    await known.reached(position, knownWaitMs, signal);
    return id;
  };
}
