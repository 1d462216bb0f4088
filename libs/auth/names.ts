import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';

declare const brand: unique symbol;

/** The name of a user or robot, checked. Both are named in one space, so that a name is one principal's. */
export type PrincipalName = string & { readonly [brand]: 'PrincipalName' };

/** The name of a group, checked. Groups are there as soon as someone is in them. */
export type GroupName = string & { readonly [brand]: 'GroupName' };

export const MAX_PRINCIPAL_NAME = 128;
export const MAX_GROUP_NAME = 128;

const PRINCIPAL = /^[a-z0-9][a-z0-9._@+-]{0,127}$/;
const GROUP = /^[A-Za-z0-9][A-Za-z0-9._@+:/-]{0,127}$/;

/** Throws REQUEST_INVALID. No colon, which Basic authentication could not carry, and no slash. */
export function parsePrincipalName(text: string): PrincipalName {
  if (isPrincipalName(text)) return text;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The name ${quote(text)} is not valid: expected 1 to ${MAX_PRINCIPAL_NAME} lower-case letters, digits, dots, underscores, hyphens, @ or +, ` +
      'the first of them a letter or digit, such as alice or ci-build.',
  );
}

export function isPrincipalName(text: string): text is PrincipalName {
  return PRINCIPAL.test(text);
}

export function isGroupName(text: string): text is GroupName {
  return GROUP.test(text);
}
