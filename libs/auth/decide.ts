import { ANY_NAME, matchesName, type NamePattern } from '#libs/oci/name-pattern.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Identity } from './identity.ts';
import type { Policy } from './policy.ts';
import type { BindingRecord } from './records.ts';
import {
  isRegistryAction,
  roleAllows,
  type Action,
  type RegistryAction,
  type RepositoryAction,
} from './roles.ts';

/** What is asked for: something with a repository, or with the registry itself. */
export type Asked =
  | { readonly action: RepositoryAction; readonly repository: RepositoryName }
  | { readonly action: RegistryAction };

/** Whether the identity may do it. Nothing is allowed that no binding gives; what a token was narrowed to only takes away. */
export function isAllowed(policy: Policy, identity: Identity, asked: Asked): boolean {
  return isWithinLimits(identity, asked) && bindingFor(policy, identity, asked) !== undefined;
}

/** The first binding that gives it. */
export function bindingFor(policy: Policy, identity: Identity, asked: Asked): BindingRecord | undefined {
  for (const subject of subjectsOf(identity)) {
    for (const binding of policy.bindingsOf(subject)) {
      if (roleAllows(binding.role, asked.action) && isFor(binding, identity) && covers(binding, asked)) {
        return binding;
      }
    }
  }
  return undefined;
}

export function isWithinLimits({ limits }: Identity, asked: Asked): boolean {
  return limits.every((grants) =>
    grants.some((grant) => grant.actions.includes(asked.action) && covers(grant, asked)),
  );
}

/** All as whom the identity is given something, itself first. */
export function subjectsOf(identity: Identity): string[] {
  if (identity.kind === 'anonymous') return ['anyone'];
  const { kind, name, groups } = identity;
  return [`${kind}:${name}`, ...groups.map((group) => `group:${group}`), 'authenticated', 'anyone'];
}

/** Whether the binding means this one, not an earlier one of the name. */
export function isFor({ subjectId }: BindingRecord, identity: Identity): boolean {
  return subjectId === undefined || (identity.kind !== 'anonymous' && identity.id === subjectId);
}

/** The registry itself is only given with all repositories. */
export function covers({ repositories }: { repositories: NamePattern }, asked: Asked): boolean {
  return 'repository' in asked ? matchesName(repositories, asked.repository) : repositories === ANY_NAME;
}

/** For those who read what is asked from elsewhere. */
export function askedOf(action: Action, repository: RepositoryName | undefined): Asked | undefined {
  if (isRegistryAction(action)) return repository === undefined ? { action } : undefined;
  return repository === undefined ? undefined : { action, repository };
}
