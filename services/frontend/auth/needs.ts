import type { Action } from '#libs/auth/roles.ts';

/**
 * What a route asks of whoever calls it: an action, on the repository in its path or on the registry itself, or
 * `nothing`, what anyone may who can connect;
 * `login`, some proof of who asks, be it a token of nobody;
 * `catalog`, the right to be shown a list of repositories, which holds those alone that the asker may see.
 */
export type Need = Action | 'nothing' | 'login' | 'catalog';
