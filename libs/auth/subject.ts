import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { isGroupName, isPrincipalName, type GroupName, type PrincipalName } from './names.ts';

/** Whom a role is given to. `anyone` includes those who say no name; `authenticated` is everyone who proved one. */
export type Subject =
  | { readonly kind: 'user' | 'robot'; readonly name: PrincipalName }
  | { readonly kind: 'group'; readonly name: GroupName }
  | { readonly kind: 'anyone' | 'authenticated' };

/** Throws REQUEST_INVALID. */
export function parseSubject(text: string): Subject {
  if (text === 'anyone' || text === 'authenticated') return { kind: text };
  // Without a colon there is no name, and the whole is none of the kinds.
  const [, kind, name = ''] = /^([a-z]+):(.+)$/.exec(text) ?? [];
  if ((kind === 'user' || kind === 'robot') && isPrincipalName(name)) return { kind, name };
  if (kind === 'group' && isGroupName(name)) return { kind, name };
  throw new RegistryError(
    'REQUEST_INVALID',
    `The subject ${quote(text)} is not valid: expected user:NAME, robot:NAME, group:NAME, authenticated, or anyone.`,
  );
}

export function isSubject(text: string): boolean {
  try {
    parseSubject(text);
    return true;
  } catch {
    return false;
  }
}

/** As `parseSubject` reads it, and as people do. */
export function formatSubject(subject: Subject): string {
  return 'name' in subject ? `${subject.kind}:${subject.name}` : subject.kind;
}
