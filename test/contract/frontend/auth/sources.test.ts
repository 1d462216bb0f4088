import { describe, expect, it } from 'vitest';
import { identify, type Authentication } from '#libs/auth/identity.ts';
import type { Given } from '#services/frontend/auth/sources/source.ts';
import { SOURCES } from './sources.ts';

describe.each(SOURCES)('$name as a source of identities$leftOut', ({ open, leftOut }) => {
  const check = async (change: (right: Given) => Given): Promise<Authentication | undefined> => {
    const { source, state, right } = await open();
    return source.check(state, change(right), AbortSignal.timeout(30_000));
  };

  it.skipIf(leftOut !== '')('knows who gives the right name and password', async () => {
    const { source, state, right } = await open();
    const proven = await source.check(state, right, AbortSignal.timeout(30_000));
    expect(proven).toMatchObject({ name: right.name });
    expect(proven && identify(state, proven, Date.now())).toMatchObject({ kind: 'user', name: right.name });
  });

  const WRONG: Readonly<Record<string, (right: Given) => Given>> = {
    'another password': (right) => ({ ...right, password: `${right.password}!` }),
    'the beginning of the password': ({ name, password }) => ({ name, password: password.slice(0, -1) }),
    'the password in other letters': ({ name, password }) => ({ name, password: password.toUpperCase() }),
    'an empty password': ({ name }) => ({ name, password: '' }),
    'another name': ({ password }) => ({ name: 'nobody', password }),
    'an empty name': ({ password }) => ({ name: '', password }),
    'a name that finds anyone': ({ password }) => ({ name: '*', password }),
    'the name in other letters': ({ name, password }) => ({ name: name.toUpperCase(), password }),
    'a name with more behind it': ({ name, password }) => ({ name: `${name})(uid=*`, password }),
    'a name of the language': ({ password }) => ({ name: '__proto__', password }),
  };
  it.skipIf(leftOut !== '').each(Object.keys(WRONG))('knows nobody who gives %s', async (what) => {
    expect(await check(WRONG[what] ?? ((right) => right))).toBeUndefined();
  });
});
