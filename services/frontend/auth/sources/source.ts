import type { Authentication } from '#libs/auth/identity.ts';
import type { AuthState } from '#libs/auth/state.ts';

/** What someone gives to log in. */
export interface Given {
  readonly name: string;
  /** Or a secret or token in its place. */
  readonly password: string;
}

/** Where it is known which password goes with which name: the catalog, or a directory that others keep. */
export interface IdentitySource {
  /**
   * What was proven, for `identify` to look at: whether that one is disabled or expired is not asked here. Undefined where it proves nothing; a name
   * that is not known costs what a wrong password does, and an empty password is always wrong. Throws UNAVAILABLE where the source can't be
   * asked, and TOOMANYREQUESTS where too many wait for it already.
   */
  check(state: AuthState, given: Given, signal: AbortSignal): Promise<Authentication | undefined>;
}
