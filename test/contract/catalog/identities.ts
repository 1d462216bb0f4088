import { onTestFinished } from 'vitest';
import { isAllowed } from '#libs/auth/decide.ts';
import { identify, type Credential, type Identity } from '#libs/auth/identity.ts';
import { parsePrincipalName } from '#libs/auth/names.ts';
import { hashPassword } from '#libs/auth/password.ts';
import {
  AUTH_RECORDS,
  robotRecord,
  type BindingRecord,
  type PrincipalRecord,
  type RobotRecord,
} from '#libs/auth/records.ts';
import type { RepositoryAction } from '#libs/auth/roles.ts';
import { createSecret, type Secret } from '#libs/auth/secret.ts';
import { createAuthState, type AuthState } from '#libs/auth/state.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { AuthChanged } from '#types/meridian/v1/AuthChanged.ts';
import type { AuthFrame } from '#types/meridian/v1/AuthFrame.ts';
import type { TestRegion } from './regions.ts';

const context = () => ({ signal: AbortSignal.timeout(30_000) });

/** One that is good for all: its making takes time. */
export const PASSWORD_HASH = await hashPassword('correct horse battery');

export function makeAdministrator({ auth }: TestRegion, name = 'admin') {
  return auth.makeFirstAdministrator({ name, passwordHash: PASSWORD_HASH }, context());
}

export function makeUser(
  { auth }: TestRegion,
  name: string,
  change: object = { passwordHash: PASSWORD_HASH },
) {
  return auth.changePrincipal(
    { name, make: 'user', change: JSON.stringify(change), ifVersion: 0 },
    context(),
  );
}

export function makeRobot({ auth }: TestRegion, name: string, change: object = {}) {
  return auth.changePrincipal(
    { name, make: 'robot', change: JSON.stringify(change), ifVersion: 0 },
    context(),
  );
}

export function changePrincipal({ auth }: TestRegion, name: string, change: object, ifVersion = 0) {
  return auth.changePrincipal({ name, make: '', change: JSON.stringify(change), ifVersion }, context());
}

export function removePrincipal({ auth }: TestRegion, name: string, ifVersion = 0) {
  return auth.removePrincipal({ name, ifVersion }, context());
}

export function grant({ auth }: TestRegion, role: string, subject: string, repositories: string) {
  return auth.addBinding({ role, subject, repositories }, context());
}

export function revoke({ auth }: TestRegion, binding: AuthChanged, ifVersion = 0) {
  return auth.removeBinding({ name: binding.entry?.name ?? '', ifVersion }, context());
}

export async function makeToken(
  { auth }: TestRegion,
  owner: string,
  details: object = {},
  secret: Secret = createSecret('token'),
): Promise<Secret> {
  const { id, sha256 } = secret;
  await auth.addToken({ id, sha256, owner, details: JSON.stringify(details) }, context());
  return secret;
}

export function removeToken({ auth }: TestRegion, id: string) {
  return auth.removeToken({ name: id, ifVersion: 0 }, context());
}

/** What a front end makes of what it follows. */
export interface Follower {
  readonly state: AuthState;
  readonly frames: AuthFrame[];
  /** Whoever proved that is, as of now, with that credential. */
  readonly who: (principal: AuthChanged, credential?: Credential) => Identity | undefined;
  readonly may: (identity: Identity | undefined, action: RepositoryAction, repository: string) => boolean;
}

/** Follows until the test ends. Where a stream ends it is opened again by whoever restarts the region. */
export function follow({ auth }: TestRegion): Follower {
  const ended = new AbortController();
  const state = createAuthState();
  const frames: AuthFrame[] = [];
  const following = (async () => {
    let pages: AuthFrame[] = [];
    for await (const frame of auth.follow({}, { signal: ended.signal })) {
      pages.push(frame);
      if (frame.more) continue;
      const reset = pages[0]?.reset ?? false;
      state.apply({ reset, entries: pages.flatMap(({ entries }) => entries) });
      frames.push(...pages);
      pages = [];
    }
  })();
  onTestFinished(async () => {
    ended.abort();
    await following;
  });
  return {
    state,
    frames,
    who: (principal, credential) => {
      const record = principalOf(principal);
      const name = parsePrincipalName(principal.entry?.name ?? '');
      const password = record.kind === 'user' ? (record.password?.id ?? '') : '';
      return identify(
        state,
        { name, id: record.id, credential: credential ?? `password:${password}` },
        Date.now(),
      );
    },
    may: (identity, action, repository) =>
      identity !== undefined &&
      isAllowed(state, identity, { action, repository: parseRepositoryName(repository) }),
  };
}

export function principalOf(changed: AuthChanged): PrincipalRecord {
  return AUTH_RECORDS.principal.parse(recordOf(changed));
}

export function robotOf(changed: AuthChanged): RobotRecord {
  return robotRecord.parse(recordOf(changed));
}

export function bindingOf(changed: AuthChanged): BindingRecord {
  return AUTH_RECORDS.binding.parse(recordOf(changed));
}

function recordOf({ entry }: AuthChanged): unknown {
  return JSON.parse(entry?.record ?? '');
}
