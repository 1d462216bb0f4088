import type { DirectoryRecord } from '#libs/auth/directory.ts';
import type { Authentication, Credential } from '#libs/auth/identity.ts';
import { isPrincipalName, type PrincipalName } from '#libs/auth/names.ts';
import type { Entry } from '#libs/auth/policy.ts';
import type { AuthState } from '#libs/auth/state.ts';
import type { Directory, DirectoryUser } from '#libs/ldap/directory.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Admit } from './admit.ts';
import { groupsHere } from './directory-groups.ts';
import type { IdentitySource } from './source.ts';
import { createTurns } from './turns.ts';

/** The users of a directory that others keep. What it says counts for the time that its record gives. */
export interface DirectorySource extends IdentitySource {
  /** What was proven by other means of someone who comes from a directory, once that still has him; undefined where it does not. Throws UNAVAILABLE. */
  confirm(state: AuthState, proven: Authentication, signal: AbortSignal): Promise<Authentication | undefined>;
}

export interface DirectorySourceOptions {
  readonly open: (record: DirectoryRecord) => Directory;
  readonly admit: Admit;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** Connections to the directory at a time. */
const MAX_ASKING = 8;
const MAX_WAITING = 50;

export function createDirectorySource({ open, admit, clock }: DirectorySourceOptions): DirectorySource {
  const turns = createTurns({ maxRunning: MAX_ASKING, maxWaiting: MAX_WAITING, tooMany });
  /** Counts from before the directory was asked. */
  const admitted = async (
    state: AuthState,
    { name: directory, record }: Entry<DirectoryRecord>,
    name: PrincipalName,
    asked: Promise<DirectoryUser | undefined>,
    signal: AbortSignal,
  ): Promise<
    { readonly id: string; readonly untilMs: number; readonly credential: Credential } | undefined
  > => {
    const untilMs = clock() + record.trustSeconds * 1000;
    const user = await asked;
    if (user === undefined) return undefined;
    const groups = groupsHere(directory, record, user);
    const from = { name: directory, recordId: record.id, subject: user.id };
    const id = await admit(state, { name, from, groups }, signal);
    return { id, untilMs, credential: `directory:${record.id}` };
  };
  return {
    check: async (state, { name, password }, signal) => {
      const [entry] = state.directories();
      if (entry === undefined || password === '') return undefined;
      const directory = open(entry.record);
      return turns(async () => {
        const asked = directory.authenticate(name, password, signal);
        // A name that nobody can have here is asked for too: it takes as long.
        if (!isPrincipalName(name)) {
          await asked;
          return undefined;
        }
        const found = await admitted(state, entry, name, asked, signal);
        return found && { name, ...found };
      });
    },
    confirm: async (state, proven, signal) => {
      const principal = state.principal(proven.name);
      const entry = state.directories().find(({ name }) => name === directoryOf(principal)?.name);
      if (entry === undefined) return undefined;
      const directory = open(entry.record);
      return turns(async () => {
        const asked = directory.find(proven.name, signal);
        const found = await admitted(state, entry, proven.name, asked, signal);
        // Another one of that name has come in his place.
        if (found?.id !== proven.id) return undefined;
        return { ...proven, untilMs: found.untilMs };
      });
    },
  };
}

/** Where someone comes from; undefined for those who are known here alone. */
export function directoryOf(
  principal: ReturnType<AuthState['principal']>,
): { readonly name: string; readonly subject: string } | undefined {
  return principal?.kind === 'user' ? principal.directory : undefined;
}

function tooMany(): RegistryError {
  return new RegistryError(
    'TOOMANYREQUESTS',
    `${MAX_WAITING} logins wait for the directory at this front end already. Try again in a moment.`,
    { retryAfterSeconds: 2 },
  );
}
