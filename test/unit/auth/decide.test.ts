import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askedOf, isAllowed, type Asked } from '#libs/auth/decide.ts';
import { explain } from '#libs/auth/explain.ts';
import { ANONYMOUS, narrowed, type Identity } from '#libs/auth/identity.ts';
import { parsePrincipalName, type GroupName } from '#libs/auth/names.ts';
import { REGISTRY_ACTIONS, REPOSITORY_ACTIONS, ROLES, type Action, type Role } from '#libs/auth/roles.ts';
import type { Grant } from '#libs/auth/fields.ts';
import type { BindingRecord } from '#libs/auth/records.ts';
import { parseNamePattern } from '#libs/oci/name-pattern.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { binding, stateOf } from './state.ts';

const ACTIONS = [...REPOSITORY_ACTIONS, ...REGISTRY_ACTIONS];

/** Written down again by hand: what the documents promise of each role. */
const PROMISED: Record<Role, string> = {
  guest: 'see',
  puller: 'see pull',
  developer: 'see pull push',
  maintainer: 'see pull push retag delete settings',
  administrator: 'see pull push retag delete settings operate administer',
};

const alice = known('alice', ['devs']);

function known(name: string, groups: string[] = []): Identity {
  return {
    ...{ kind: 'user', id: `id-of-${name}`, limits: [] },
    name: parsePrincipalName(name),
    groups: groups as GroupName[],
  };
}

function asked(action: Action, repository = 'team/app'): Asked {
  const registry = (REGISTRY_ACTIONS as readonly Action[]).includes(action);
  const found = askedOf(action, registry ? undefined : parseRepositoryName(repository));
  if (found === undefined) throw new Error(action);
  return found;
}

describe('roles', () => {
  it.each(ROLES.flatMap((role) => ACTIONS.map((action) => [role, action] as const)))(
    '%s: %s',
    (role, action) => {
      const state = stateOf({ binding: [binding(role, 'user:alice', '**', 'id-of-alice')] });
      expect(isAllowed(state, alice, asked(action))).toBe(PROMISED[role].split(' ').includes(action));
    },
  );

  it('give the registry itself only with all repositories', () => {
    const state = stateOf({ binding: [binding('administrator', 'user:alice', 'team/**', 'id-of-alice')] });
    expect(isAllowed(state, alice, asked('delete'))).toBe(true);
    expect(isAllowed(state, alice, asked('administer'))).toBe(false);
  });
});

describe('a decision', () => {
  it('is no, for whatever nobody was given', () => {
    const state = stateOf({});
    for (const action of ACTIONS) {
      expect(isAllowed(state, alice, asked(action))).toBe(false);
      expect(isAllowed(state, ANONYMOUS, asked(action))).toBe(false);
    }
  });

  it('does not give what an earlier one of the same name had', () => {
    const state = stateOf({ binding: [binding('maintainer', 'user:alice', '**', 'id-of-another')] });
    expect(isAllowed(state, alice, asked('see'))).toBe(false);
  });

  it('does not take a robot for a user of that name', () => {
    const state = stateOf({ binding: [binding('maintainer', 'robot:alice', '**', 'id-of-alice')] });
    expect(isAllowed(state, alice, asked('see'))).toBe(false);
  });

  it('tells anyone from those who are logged in', () => {
    const state = stateOf({
      binding: [binding('puller', 'anyone', 'public/**'), binding('puller', 'authenticated', 'team/**')],
    });
    expect(isAllowed(state, ANONYMOUS, asked('pull', 'public/app'))).toBe(true);
    expect(isAllowed(state, alice, asked('pull', 'public/app'))).toBe(true);
    expect(isAllowed(state, ANONYMOUS, asked('pull'))).toBe(false);
    expect(isAllowed(state, alice, asked('pull'))).toBe(true);
  });

  it('is never yes for more than the token was narrowed to, nor because of it', () => {
    const grants: Grant[] = [{ actions: ['pull', 'delete'], repositories: parseNamePattern('team/*') }];
    const state = stateOf({ binding: [binding('developer', 'group:devs', '**')] });
    const identity = narrowed(alice, grants);
    expect(isAllowed(state, identity, asked('pull'))).toBe(true);
    expect(isAllowed(state, identity, asked('push'))).toBe(false);
    expect(isAllowed(state, identity, asked('delete'))).toBe(false);
    expect(isAllowed(state, identity, asked('pull', 'other'))).toBe(false);
    expect(isAllowed(state, narrowed(identity, []), asked('pull'))).toBe(false);
  });

  it('is the same whether or not it is explained; more bindings allow no less, more limits no more', () => {
    const subjects = ['user:alice', 'user:bob', 'group:devs', 'group:ops', 'authenticated', 'anyone'];
    const patterns = ['**', 'team/**', 'team/app', 'other/*'];
    const bindings = fc.array(
      fc
        .tuple(fc.constantFrom(...ROLES), fc.constantFrom(...subjects), fc.constantFrom(...patterns))
        .map(([role, subject, pattern]): BindingRecord =>
          binding(
            role,
            subject,
            pattern,
            subject.startsWith('user:') ? `id-of-${subject.slice(5)}` : undefined,
          ),
        ),
      { maxLength: 5 },
    );
    const grants = fc.array(
      fc.record({
        actions: fc.subarray(ACTIONS, { minLength: 1 }),
        repositories: fc.constantFrom(...patterns.map(parseNamePattern)),
      }),
      { maxLength: 3 },
    );
    const question = fc.tuple(fc.constantFrom(...ACTIONS), fc.constantFrom('team/app', 'other/app', 'x'));
    const identities = fc.constantFrom(alice, known('bob'), known('carol', ['ops']), ANONYMOUS);
    fc.assert(
      fc.property(
        bindings,
        bindings,
        identities,
        grants,
        question,
        (some, more, identity, limit, [action, name]) => {
          const wanted = asked(action, name);
          const state = stateOf({ binding: some });
          const larger = stateOf({ binding: [...some, ...more] });
          const allowed = isAllowed(state, identity, wanted);
          expect(explain(state, identity, wanted).allowed).toBe(allowed);
          if (allowed) expect(isAllowed(larger, identity, wanted)).toBe(true);
          if (!allowed) expect(isAllowed(state, narrowed(identity, limit), wanted)).toBe(false);
          if (isAllowed(state, ANONYMOUS, wanted)) expect(isAllowed(state, alice, wanted)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('an explanation', () => {
  const state = stateOf({
    binding: [binding('developer', 'group:devs', 'team/**'), binding('puller', 'anyone', 'public/**')],
  });

  it.each([
    [alice, asked('push'), 'alice may push to team/app: developer on team/**, by the group devs.'],
    [
      alice,
      asked('retag'),
      'alice may not move tags of team/app: it takes the role maintainer or administrator. What there is: developer on team/**, by the group devs.',
    ],
    [
      alice,
      asked('administer'),
      'alice may not administer identities and permissions: it takes the role administrator on all repositories (**). ' +
        'What there is: developer on team/**, by the group devs; puller on public/**, as anyone.',
    ],
    [
      ANONYMOUS,
      asked('pull', 'public/app'),
      'anonymous may pull from public/app: puller on public/**, as anyone.',
    ],
    [
      ANONYMOUS,
      asked('pull'),
      'anonymous may not pull from team/app: it takes the role puller, developer, maintainer or administrator, and no role on team/app is given to anyone.',
    ],
    [
      narrowed(alice, [{ actions: ['pull'], repositories: parseNamePattern('**') }]),
      asked('push'),
      'alice may push to team/app, but the token that was used is narrowed to less.',
    ],
  ])('%#', (identity, question, because) => {
    expect(explain(state, identity, question).because).toBe(because);
  });
});
