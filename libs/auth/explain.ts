import type { RepositoryName } from '#libs/oci/name.ts';
import { bindingFor, covers, isAllowed, isFor, isWithinLimits, subjectsOf, type Asked } from './decide.ts';
import type { Identity } from './identity.ts';
import type { Policy } from './policy.ts';
import type { BindingRecord } from './records.ts';
import { rolesThatMay, type Action } from './roles.ts';

export interface Decision {
  readonly allowed: boolean;
  /** A sentence that says why; names what others were given, so only for who may know. */
  readonly because: string;
}

/** Most roles that a refusal lists. */
const MAX_LISTED = 5;

/** The same answer as `isAllowed`, and why. */
export function explain(policy: Policy, identity: Identity, asked: Asked): Decision {
  const allowed = isAllowed(policy, identity, asked);
  const binding = bindingFor(policy, identity, asked);
  const who = nameOf(identity);
  const what = whatOf(asked);
  if (allowed && binding !== undefined) {
    return { allowed, because: `${who} may ${what}: ${givenBy(binding, identity)}.` };
  }
  if (binding !== undefined && !isWithinLimits(identity, asked)) {
    return { allowed, because: `${who} may ${what}, but the token that was used is narrowed to less.` };
  }
  return { allowed, because: `${who} may not ${what}: ${whyNot(policy, identity, asked)}` };
}

function whyNot(policy: Policy, identity: Identity, asked: Asked): string {
  const needed = rolesThatMay(asked.action);
  const need = `it takes the role ${listed(needed, 'or')}${'repository' in asked ? '' : ' on all repositories (**)'}`;
  const there = subjectsOf(identity)
    .flatMap((subject) => policy.bindingsOf(subject))
    .filter((binding) => isFor(binding, identity) && ('repository' in asked ? covers(binding, asked) : true));
  if (there.length === 0) {
    return `${need}, and no role ${'repository' in asked ? `on ${asked.repository} ` : ''}is given to ${listed(subjectsOf(identity), 'or')}.`;
  }
  const roles = there.slice(0, MAX_LISTED).map((binding) => givenBy(binding, identity));
  return `${need}. What there is: ${roles.join('; ')}${there.length > MAX_LISTED ? '; and more' : ''}.`;
}

/** `developer on team/** by the group devs` */
function givenBy({ role, repositories, subject }: BindingRecord, identity: Identity): string {
  const given = `${role} on ${repositories}`;
  if (subject === 'anyone') return `${given}, as anyone`;
  if (subject === 'authenticated') return `${given}, as everyone who is logged in`;
  if (subject.startsWith('group:')) return `${given}, by the group ${subject.slice('group:'.length)}`;
  return identity.kind === 'robot' ? `${given}, given to the robot` : given;
}

const WHAT: Readonly<Record<Action, (repository: RepositoryName | '') => string>> = {
  see: (name) => `see ${name}`,
  pull: (name) => `pull from ${name}`,
  push: (name) => `push to ${name}`,
  retag: (name) => `move tags of ${name}`,
  delete: (name) => `delete from ${name}`,
  settings: (name) => `change the settings of ${name}`,
  operate: () => 'operate the registry',
  administer: () => 'administer identities and permissions',
};

function whatOf(asked: Asked): string {
  return WHAT[asked.action]('repository' in asked ? asked.repository : '');
}

function nameOf(identity: Identity): string {
  return identity.kind === 'anonymous' ? 'anonymous' : identity.name;
}

function listed(words: readonly string[], conjunction: string): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1) ?? ''}`;
}
