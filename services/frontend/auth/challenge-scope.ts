import type { RepositoryName } from '#libs/oci/name.ts';
import type { ScopeAction } from '#libs/auth/scope.ts';
import type { Need } from './needs.ts';

/** What a token must be good for, for a request to go through. */
export type ChallengeScope =
  | { readonly repository: RepositoryName; readonly actions: readonly ScopeAction[] }
  | { readonly registry: 'catalog' | 'meridian' };

/** The scope that whoever needs it should ask for; none where any token will do. */
export function scopeOf(need: Need, repository: RepositoryName | undefined): ChallengeScope | undefined {
  switch (need) {
    case 'nothing':
    case 'login':
      return undefined;
    case 'catalog':
      return { registry: 'catalog' };
    case 'operate':
    case 'administer':
      return { registry: 'meridian' };
    default:
      return repository === undefined ? undefined : { repository, actions: ACTIONS[need] };
  }
}

/** Docker's clients know no other actions; pushing ones look for content before they send it. */
const ACTIONS: Readonly<
  Record<Exclude<Need, 'nothing' | 'login' | 'catalog' | 'operate' | 'administer'>, readonly ScopeAction[]>
> = {
  see: ['pull'],
  pull: ['pull'],
  push: ['pull', 'push'],
  retag: ['pull', 'push'],
  delete: ['delete'],
  settings: ['*'],
};

export function formatScope(scope: ChallengeScope): string {
  if ('registry' in scope) return `registry:${scope.registry}:*`;
  return `repository:${scope.repository}:${scope.actions.join(',')}`;
}
