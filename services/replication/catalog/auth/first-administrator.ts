import { randomUUID } from 'node:crypto';
import { parsePrincipalName } from '#libs/auth/names.ts';
import { isPasswordHash } from '#libs/auth/password.ts';
import type { UserRecord } from '#libs/auth/records.ts';
import type { Operation } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { ANY_NAME } from '#libs/oci/name-pattern.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { reachedWithin } from '../view/reached.ts';
import { bindingOf } from './bindings.ts';
import { commit, putAuth, readAuth, type AuthOptions } from './change.ts';
import { principalRecord } from './records.ts';
import { firstKeys } from './rotation.ts';

/**
 * `Auth.MakeFirstAdministrator`. Where an operator has taken the key `auth/state` away, since no administrator can log in any more, it is done
 * once more: the name is then a new user's.
 */
export function createMakeFirstAdministrator(options: AuthOptions): Auth['makeFirstAdministrator'] {
  const { view, known, clock, settings } = options;
  return async ({ name, passwordHash }, { signal }) => {
    parsePrincipalName(name);
    if (!isPasswordHash(passwordHash)) {
      throw new RegistryError('REQUEST_INVALID', "The password's hash is not one that hashPassword gives.");
    }
    const read = await readAuth(options, signal);
    const there = { made: false, position: { ...read.position, stalenessMs: 0 } };
    if (read.state !== undefined) return there;
    const nowMs = Math.round(clock.nowMs());
    const hasKeys = known.signingKeys().some(({ record }) => record.state === 'active');
    const operations = [...administrator(name, passwordHash, nowMs), ...(hasKeys ? [] : firstKeys(nowMs))];
    const revision = await commit(options, read, operations, { administeredAtMs: nowMs }, signal);
    if (revision === undefined) return there;
    const position = { ...read.position, revision };
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    return { made: true, position: { ...position, stalenessMs: 0 } };
  };
}

function administrator(name: string, hash: string, nowMs: number): Operation[] {
  const id = randomUUID();
  const user: UserRecord = {
    ...{ kind: 'user', id, groups: [], disabled: false, createdAtMs: nowMs },
    password: { id: randomUUID(), hash },
  };
  const binding = bindingOf({
    ...{ role: 'administrator', subject: `user:${name}`, subjectId: id },
    ...{ repositories: ANY_NAME, createdAtMs: nowMs },
  });
  return [
    putAuth('principal', name, principalRecord.encode(user)),
    putAuth('binding', binding.name, binding.record),
  ];
}
