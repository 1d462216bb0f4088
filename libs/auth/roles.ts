import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';

/** What can be done with a repository. `retag` moves a tag that exists; a push of new content and new tags needs only `push`. */
export const REPOSITORY_ACTIONS = ['see', 'pull', 'push', 'retag', 'delete', 'settings'] as const;

/** What can be done with the registry itself: `operate` regions, collection and healing; `administer` identities and permissions. */
export const REGISTRY_ACTIONS = ['operate', 'administer'] as const;

export type RepositoryAction = (typeof REPOSITORY_ACTIONS)[number];
export type RegistryAction = (typeof REGISTRY_ACTIONS)[number];
export type Action = RepositoryAction | RegistryAction;

export const ROLES = ['guest', 'puller', 'developer', 'maintainer', 'administrator'] as const;
export type Role = (typeof ROLES)[number];

/** The one table of what a role may do. That of an administrator on the registry itself needs the pattern of all repositories. */
const ACTIONS_OF: Readonly<Record<Role, readonly Action[]>> = {
  guest: ['see'],
  puller: ['see', 'pull'],
  developer: ['see', 'pull', 'push'],
  maintainer: ['see', 'pull', 'push', 'retag', 'delete', 'settings'],
  administrator: [...REPOSITORY_ACTIONS, ...REGISTRY_ACTIONS],
};

/** Throws REQUEST_INVALID. */
export function parseRole(text: string): Role {
  const role = ROLES.find((known) => known === text);
  if (role !== undefined) return role;
  throw new RegistryError('REQUEST_INVALID', `The role is ${quote(text)}; expected ${ROLES.join(', ')}.`);
}

export function roleAllows(role: Role, action: Action): boolean {
  return ACTIONS_OF[role].includes(action);
}

/** Those that may, the least first. */
export function rolesThatMay(action: Action): Role[] {
  return ROLES.filter((role) => roleAllows(role, action));
}

export function isRegistryAction(action: Action): action is RegistryAction {
  return (REGISTRY_ACTIONS as readonly Action[]).includes(action);
}
