import { parseNamePattern } from '#libs/oci/name-pattern.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { quote } from '#libs/oci/quote.ts';
import { isAllowed } from './decide.ts';
import type { Identity } from './identity.ts';
import type { Policy } from './policy.ts';
import type { Grant } from './fields.ts';
import { REGISTRY_ACTIONS, REPOSITORY_ACTIONS, type RepositoryAction } from './roles.ts';

/*
 * The scopes of Docker's token protocol: https://distribution.github.io/distribution/spec/auth/scope/
 */

/** `repository:team/app:pull,push`, `registry:catalog:*`, or our own `registry:meridian:*` for the registry itself. */
export type Scope =
  | { readonly type: 'repository'; readonly name: RepositoryName; readonly actions: readonly ScopeAction[] }
  | { readonly type: 'registry'; readonly name: 'catalog' | 'meridian'; readonly actions: readonly ['*'] };

export type ScopeAction = 'pull' | 'push' | 'delete' | '*';

/** Most scopes of one request, after splitting. */
export const MAX_SCOPES = 50;

const SCOPE_ACTIONS: readonly string[] = ['pull', 'push', 'delete', '*'] satisfies ScopeAction[];

/** What a client that has been granted the action goes on to do: who pushes asks for `push`, whether or not a tag moves. */
const ACTIONS_OF: Readonly<Record<ScopeAction, readonly RepositoryAction[]>> = {
  pull: ['see', 'pull'],
  push: ['see', 'push', 'retag'],
  delete: ['see', 'delete'],
  '*': REPOSITORY_ACTIONS,
};

/**
 * The scopes of a request, whose parameter may come several times and join several by spaces. Resource types, names of the registry and actions
 * that are not known grant nothing and are left out, as is a scope that keeps no action. Throws REQUEST_INVALID for what is no scope,
 * NAME_INVALID for what is no repository, and TOO_LARGE.
 */
export function parseScopes(parameters: readonly string[]): Scope[] {
  const texts = parameters.flatMap((parameter) => parameter.split(' ')).filter((text) => text !== '');
  if (texts.length > MAX_SCOPES) {
    const message = `The request asks for ${texts.length} scopes; at most ${MAX_SCOPES} are accepted. Ask for several tokens.`;
    throw new RegistryError('TOO_LARGE', message);
  }
  return texts.map(parseScope).filter((scope) => scope !== undefined && scope.actions.length > 0) as Scope[];
}

/** What of the scopes the identity may do now, action by action; what nothing is left of is left out. */
export function grantedScopes(policy: Policy, identity: Identity, scopes: readonly Scope[]): Scope[] {
  return scopes.flatMap((scope): Scope[] => {
    if (scope.type === 'registry') return isAnyRegistryUse(policy, identity, scope) ? [scope] : [];
    const actions = scope.actions.filter((action) => mayUse(policy, identity, scope.name, action));
    return actions.length === 0 ? [] : [{ ...scope, actions }];
  });
}

/** What a token of these scopes is narrowed to. */
export function grantsOf(scopes: readonly Scope[]): Grant[] {
  return scopes.map((scope): Grant => {
    if (scope.type === 'repository') {
      const actions = new Set(scope.actions.flatMap((action) => ACTIONS_OF[action]));
      return { actions: [...actions], repositories: parseNamePattern(scope.name) };
    }
    const actions = scope.name === 'catalog' ? (['see'] as const) : REGISTRY_ACTIONS;
    return { actions: [...actions], repositories: parseNamePattern('**') };
  });
}

/** The action that a scope is named for; `*` needs any of them, and is then worth what the identity may. */
function mayUse(
  policy: Policy,
  identity: Identity,
  repository: RepositoryName,
  action: ScopeAction,
): boolean {
  const asked: readonly RepositoryAction[] = action === '*' ? REPOSITORY_ACTIONS : [action];
  return asked.some((one) => isAllowed(policy, identity, { action: one, repository }));
}

/** The catalog is everyone's: it lists to each what he may see. */
function isAnyRegistryUse(policy: Policy, identity: Identity, { name }: Scope): boolean {
  if (name === 'catalog') return true;
  return REGISTRY_ACTIONS.some((action) => isAllowed(policy, identity, { action }));
}

/** The name may have colons, if it is that of a host with a port; actions have none. */
function parseScope(text: string): Scope | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first < 1 || last === first) throw invalid(text);
  const type = text.slice(0, first);
  const name = text.slice(first + 1, last);
  const actions = text.slice(last + 1).split(',');
  if (type === 'repository') {
    const known = SCOPE_ACTIONS.filter((action) => actions.includes(action)) as ScopeAction[];
    return { type, name: parseRepositoryName(name), actions: known };
  }
  const isKnown = type === 'registry' && (name === 'catalog' || name === 'meridian') && actions.includes('*');
  return isKnown ? { type, name, actions: ['*'] } : undefined;
}

function invalid(text: string): RegistryError {
  const message = `The scope ${quote(text)} is not valid: expected type:name:actions, such as repository:team/app:pull,push.`;
  return new RegistryError('REQUEST_INVALID', message);
}
