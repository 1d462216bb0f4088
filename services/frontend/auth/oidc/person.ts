import { nameOfGroup, nameOfPerson, type People, type PersonLogin } from '#libs/auth/issuer.ts';
import { MAX_ISSUER_GROUPS, MAX_SUBJECT_LENGTH } from '#libs/auth/limits.ts';
import { isGroupName, isPrincipalName } from '#libs/auth/names.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Claims } from './code-flow.ts';

/** Who it is here, by what the issuer says. Throws UNAUTHORIZED, with what is missing. */
export function personOf(issuer: string, { nameClaim, groupsClaim }: People, claims: Claims): PersonLogin {
  const { sub: subject } = claims;
  if (subject.length > MAX_SUBJECT_LENGTH)
    throw refused('it calls you by a name that is longer than the standard allows');
  const said = ownClaim(claims, nameClaim);
  if (typeof said !== 'string' || said === '')
    throw refused(
      `it does not say your name in the claim ${nameClaim}; an administrator can ask for other scopes, or name another claim`,
    );
  if (nameClaim === 'email' && claims['email_verified'] === false)
    throw refused('it has not verified your address');
  const name = nameOfPerson(issuer, said);
  if (!isPrincipalName(name)) throw refused(`the name in its claim ${nameClaim} is too long`);
  return {
    subject,
    name,
    groups: groupsOf(issuer, groupsClaim === undefined ? [] : ownClaim(claims, groupsClaim)),
  };
}

/** Those whose names can't be names here are left out: no role can have been given to them. */
function groupsOf(issuer: string, said: unknown): PersonLogin['groups'] {
  const all = typeof said === 'string' ? [said] : Array.isArray(said) ? said : [];
  const names = all.flatMap((group: unknown) =>
    typeof group === 'string' && group !== '' ? nameOfGroup(issuer, group) : [],
  );
  const groups = [...new Set(names)].filter(isGroupName).sort();
  if (groups.length <= MAX_ISSUER_GROUPS) return groups;
  throw refused(
    `it says that you are in ${groups.length} groups; at most ${MAX_ISSUER_GROUPS} are taken. Have it tell fewer`,
  );
}

function ownClaim(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function refused(why: string): RegistryError {
  return new RegistryError('UNAUTHORIZED', `The issuer did not prove who you are: ${why}.`);
}
