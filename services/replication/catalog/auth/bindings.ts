import { createHash } from 'node:crypto';
import { MAX_BINDINGS, MAX_BINDINGS_PER_PRINCIPAL } from '#libs/auth/limits.ts';
import type { BindingRecord } from '#libs/auth/records.ts';
import { parseRole } from '#libs/auth/roles.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { formatSubject, parseSubject, type Subject } from '#libs/auth/subject.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseNamePattern } from '#libs/oci/name-pattern.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { changeAuth, deleteAuth, putAuth, type AuthOptions, type Plan, type Unchanged } from './change.ts';
import { find, requireRoom, requireVersion } from './conditions.ts';
import { bindingRecord } from './records.ts';
import { requireAdministrator } from './require-administrator.ts';

const ID_LENGTH = 20;

/** `Auth.AddBinding`. */
export function createAddBinding(options: AuthOptions): Auth['addBinding'] {
  return async (request, { signal }) => {
    const role = parseRole(request.role);
    const who = parseSubject(request.subject);
    const repositories = parseNamePattern(request.repositories);
    const subject = formatSubject(who);
    requireFit(role, who);
    const nowMs = Math.round(options.clock.nowMs());
    const plan = (known: AuthState): Plan | Unchanged => {
      const id = idOf({ role, subject, repositories });
      const whose = idOfPrincipal(known, who);
      const existing = known.bindings().find(({ name }) => name === id);
      if (existing !== undefined && existing.record.subjectId === whose.subjectId) {
        const record = bindingRecord.encode(existing.record);
        return { about: { kind: 'binding', name: id, record }, version: existing.version };
      }
      if (existing === undefined) requireRooms(known, who, subject);
      const { record } = bindingOf({ role, subject, ...whose, repositories, createdAtMs: nowMs });
      return { operations: [putAuth('binding', id, record)], about: { kind: 'binding', name: id, record } };
    };
    return changeAuth(options, plan, signal);
  };
}

/** `Auth.RemoveBinding`. */
export function createRemoveBinding(options: AuthOptions): Auth['removeBinding'] {
  return ({ name, ifVersion }, { signal }) => {
    const plan = (known: AuthState): Plan => {
      requireVersion(find(known.bindings(), name, 'binding'), ifVersion);
      requireAdministrator(known, { bindings: known.bindings().filter((other) => other.name !== name) });
      return {
        operations: [deleteAuth('binding', name)],
        about: { kind: 'binding', name, record: undefined },
      };
    };
    return changeAuth(options, plan, signal);
  };
}

/** Its id, by what it says, so that there are no two that say the same; and its value. */
export function bindingOf(record: BindingRecord): { readonly name: string; readonly record: Buffer } {
  const { role, subject, repositories } = record;
  return { name: idOf({ role, subject, repositories }), record: bindingRecord.encode(record) };
}

function idOf({
  role,
  subject,
  repositories,
}: Pick<BindingRecord, 'role' | 'subject' | 'repositories'>): string {
  const said = [role, subject, repositories].join('\n');
  return createHash('sha256').update(said).digest('hex').slice(0, ID_LENGTH);
}

function idOfPrincipal(known: AuthState, who: Subject): Pick<BindingRecord, 'subjectId'> {
  if (who.kind !== 'user' && who.kind !== 'robot') return {};
  const ofKind = known.principals().filter(({ record }) => record.kind === who.kind);
  return { subjectId: find(ofKind, who.name, who.kind).record.id };
}

function requireRooms(known: AuthState, who: Subject, subject: string): void {
  requireRoom(known.bindings().length, MAX_BINDINGS, 'bindings');
  if (who.kind !== 'user' && who.kind !== 'robot') return;
  const own = known.bindingsOf(subject).length;
  requireRoom(own, MAX_BINDINGS_PER_PRINCIPAL, `bindings of ${subject} (bind a group, or a pattern)`);
}

function requireFit(role: BindingRecord['role'], { kind }: Subject): void {
  if (role !== 'administrator' || (kind !== 'anyone' && kind !== 'authenticated')) return;
  const message = `The role administrator is for users, robots and groups; given to ${kind}, it would be everyone's.`;
  throw new RegistryError('REQUEST_INVALID', message);
}
