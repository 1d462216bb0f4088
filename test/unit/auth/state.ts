import { createAuthState, type AuthState } from '#libs/auth/state.ts';
import type { BindingRecord, PrincipalRecord, TokenRecord } from '#libs/auth/records.ts';
import { parseNamePattern } from '#libs/oci/name-pattern.ts';

export const NOW_MS = 1_000_000;

export interface Kept {
  readonly principal?: Readonly<Record<string, PrincipalRecord>>;
  readonly token?: Readonly<Record<string, TokenRecord>>;
  readonly binding?: readonly BindingRecord[];
}

/** A state with these records. */
export function stateOf({ principal = {}, token = {}, binding = [] }: Kept): AuthState {
  const state = createAuthState();
  const entry =
    (kind: string) =>
    ([name, record]: [string, unknown]) => ({
      ...{ kind, name, version: 1 },
      record: JSON.stringify(record),
    });
  state.apply({
    reset: true,
    entries: [
      ...Object.entries(principal).map(entry('principal')),
      ...Object.entries(token).map(entry('token')),
      ...Object.entries(binding).map(entry('binding')),
    ],
  });
  return state;
}

export function user(id: string, more: Partial<PrincipalRecord & { kind: 'user' }> = {}): PrincipalRecord {
  return { kind: 'user', id: `id-of-${id}`, groups: [], disabled: false, createdAtMs: 0, ...more };
}

export function robot(id: string, more: Partial<PrincipalRecord & { kind: 'robot' }> = {}): PrincipalRecord {
  const fields = { id: `id-of-${id}`, groups: [], disabled: false, createdAtMs: 0, secrets: [] };
  return { kind: 'robot', ...fields, ...more };
}

export function binding(
  role: BindingRecord['role'],
  subject: string,
  repositories: string,
  subjectId?: string,
): BindingRecord {
  const whose = subjectId === undefined ? {} : { subjectId };
  return { role, subject, ...whose, repositories: parseNamePattern(repositories), createdAtMs: 0 };
}
