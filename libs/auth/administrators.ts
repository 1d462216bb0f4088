import { ANY_NAME } from '#libs/oci/name-pattern.ts';
import type { Entry } from './policy.ts';
import type { BindingRecord, PrincipalRecord } from './records.ts';
import { isUnexpired } from './identity.ts';

/** Whether there is a user who may administer the registry and can log in: by a password, not disabled, and not for a time only. */
export function hasAdministrator(
  principals: readonly Entry<PrincipalRecord>[],
  bindings: readonly Entry<BindingRecord>[],
): boolean {
  const administrators = bindings
    .map(({ record }) => record)
    .filter(({ role, repositories }) => role === 'administrator' && repositories === ANY_NAME);
  return principals.some(({ name, record }) => {
    if (record.kind !== 'user' || record.password === undefined || record.disabled) return false;
    if (!isUnexpired(record, Infinity)) return false;
    const subjects = [`user:${name}`, ...record.groups.map((group) => `group:${group}`)];
    return administrators.some(
      ({ subject, subjectId = record.id }) => subjects.includes(subject) && subjectId === record.id,
    );
  });
}
