import { describe, expect, it } from 'vitest';
import { isAllowed } from '#libs/auth/decide.ts';
import { ANONYMOUS, narrowed } from '#libs/auth/identity.ts';
import { grantedScopes, grantsOf, parseScopes } from '#libs/auth/scope.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { binding, stateOf } from './state.ts';

const repository = parseRepositoryName('team/app');

describe('scopes', () => {
  it('may come several times and joined', () => {
    expect(parseScopes(['repository:a:pull repository:b:push,pull', 'registry:catalog:*'])).toEqual([
      { type: 'repository', name: 'a', actions: ['pull'] },
      { type: 'repository', name: 'b', actions: ['pull', 'push'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ]);
  });

  it('grant nothing where they are of kinds that are not known', () => {
    const unknown = [
      'repository(plugin):a:pull',
      'aws:x:pull',
      'registry:other:*',
      'repository:a:fly',
      'registry:catalog:pull',
    ];
    expect(parseScopes(unknown)).toEqual([]);
  });

  it.each([
    ['repository', 'REQUEST_INVALID'],
    ['repository:a', 'REQUEST_INVALID'],
    [':a:pull', 'REQUEST_INVALID'],
    ['repository:A:pull', 'NAME_INVALID'],
    ['repository:a/../b:pull', 'NAME_INVALID'],
    ['repository:**:pull', 'NAME_INVALID'],
    [Array.from({ length: 51 }, () => 'registry:catalog:*').join(' '), 'TOO_LARGE'],
  ])('%s: %s', (scope, code) => {
    expect(() => parseScopes([scope])).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('are granted action by action, as far as the identity may', () => {
    const state = stateOf({ binding: [binding('puller', 'anyone', 'team/**')] });
    const scopes = parseScopes([
      'repository:team/app:pull,push',
      'repository:other:pull',
      'registry:meridian:*',
    ]);
    expect(grantedScopes(state, ANONYMOUS, scopes)).toEqual([
      { type: 'repository', name: 'team/app', actions: ['pull'] },
    ]);
  });

  it('narrow: push does not pull, and to push includes to move tags for who may', () => {
    const state = stateOf({ binding: [binding('maintainer', 'anyone', '**')] });
    const grants = grantsOf(parseScopes(['repository:team/app:push']));
    const may = (action: 'pull' | 'push' | 'retag' | 'delete' | 'see') =>
      isAllowed(state, narrowed(ANONYMOUS, grants), { action, repository });
    expect([may('push'), may('retag'), may('see'), may('pull'), may('delete')]).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it('of one repository give nothing on the registry', () => {
    const state = stateOf({ binding: [binding('administrator', 'anyone', '**')] });
    const identity = narrowed(ANONYMOUS, grantsOf(parseScopes(['repository:team/app:*'])));
    expect(isAllowed(state, identity, { action: 'administer' })).toBe(false);
    const operator = narrowed(ANONYMOUS, grantsOf(parseScopes(['registry:meridian:*'])));
    expect(isAllowed(state, operator, { action: 'administer' })).toBe(true);
  });
});
