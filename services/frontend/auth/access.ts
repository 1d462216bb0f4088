import type { Identity } from '#libs/auth/identity.ts';
import type { RepositoryAction } from '#libs/auth/roles.ts';
import type { RepositoryName } from '#libs/oci/name.ts';

/** Who asks, and what he may do: for resources in which that depends on more than the path. */
export interface Access {
  /** Whose an upload is that begins now; undefined for one who has not said who he is. */
  readonly owner: string | undefined;
  /** The asker's name; empty without one. */
  readonly name: string;
  /** As of the request's start; undefined where authentication is off. */
  readonly identity: Identity | undefined;
  may(action: RepositoryAction, repository: RepositoryName): boolean;
}

/** Everyone's where authentication is off. */
export const UNRESTRICTED: Access = { owner: undefined, name: '', identity: undefined, may: () => true };
