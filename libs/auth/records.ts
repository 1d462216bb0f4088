import { z } from 'zod';
import type { NamePattern } from '#libs/oci/name-pattern.ts';
import { parseNamePattern } from '#libs/oci/name-pattern.ts';
import { MAX_DESCRIPTION, MAX_GRANTS, MAX_GROUPS, MAX_SECRETS } from './limits.ts';
import { isGroupName, isPrincipalName, type GroupName, type PrincipalName } from './names.ts';
import { isPasswordHash } from './password.ts';
import { REGISTRY_ACTIONS, REPOSITORY_ACTIONS, ROLES } from './roles.ts';
import { isSubject } from './subject.ts';

/*
 * What the catalog knows of identities and permissions, below `auth/`; the front ends get the same as JSON. Times are milliseconds since
 * 1970. Ids are random: who is deleted and made again is someone else.
 */

const timeMs = z.int().nonnegative();
const id = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const description = z
  .string()
  .max(MAX_DESCRIPTION)
  .regex(/^\P{Cc}*$/u);

export const groupNames = z
  .array(z.custom<GroupName>((value) => typeof value === 'string' && isGroupName(value)))
  .max(MAX_GROUPS);
export const passwordHash = z.string().refine(isPasswordHash);
export const principalName = z.custom<PrincipalName>(
  (value) => typeof value === 'string' && isPrincipalName(value),
);
export const namePattern = z.custom<NamePattern>(
  (value) => typeof value === 'string' && isNamePattern(value),
);

/** A robot's; its text has 256 random bits, so that one round of SHA-256 is enough. */
export const secret = z.object({ id, sha256, createdAtMs: timeMs, expiresAtMs: timeMs.exactOptional() });

/** What a token is narrowed to. */
export const grant = z.object({
  actions: z.array(z.enum([...REPOSITORY_ACTIONS, ...REGISTRY_ACTIONS])).min(1),
  repositories: namePattern,
});
export const grants = z.array(grant).max(MAX_GRANTS);

const principalFields = {
  id,
  description: description.exactOptional(),
  groups: groupNames,
  disabled: z.boolean(),
  createdAtMs: timeMs,
  expiresAtMs: timeMs.exactOptional(),
};

export const userRecord = z.object({
  kind: z.literal('user'),
  ...principalFields,
  /** Has another id after each change, so that what was proven by the old password counts no more. */
  password: z.object({ id, hash: passwordHash }).exactOptional(),
});

export const robotRecord = z.object({
  kind: z.literal('robot'),
  ...principalFields,
  secrets: z.array(secret).max(MAX_SECRETS),
});

/** A personal access token; its owner's rights are its own, unless it is narrowed. */
export const tokenRecord = z.object({
  owner: principalName,
  ownerId: id,
  description: description.exactOptional(),
  sha256,
  /** None: everything that the owner may. */
  grants: grants.exactOptional(),
  createdAtMs: timeMs,
  expiresAtMs: timeMs.exactOptional(),
});

export const bindingRecord = z.object({
  role: z.enum(ROLES),
  subject: z.string().refine(isSubject),
  /** Of the user or robot that is meant: not of a later one of that name. */
  subjectId: id.exactOptional(),
  repositories: namePattern,
  createdAtMs: timeMs,
});

const jwk = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string() });

/** A key of the registry's own tokens (ES256); its name is its key id. */
export const signingKeyRecord = z.object({
  /** `next` is published and not used yet; `retired` only verifies, and has no private part any more. */
  state: z.enum(['next', 'active', 'retired']),
  publicKey: jwk,
  privateKey: z.object({ ...jwk.shape, d: z.string() }).exactOptional(),
  createdAtMs: timeMs,
  activatedAtMs: timeMs.exactOptional(),
  retiredAtMs: timeMs.exactOptional(),
});

export type UserRecord = z.infer<typeof userRecord>;
export type RobotRecord = z.infer<typeof robotRecord>;
export type PrincipalRecord = UserRecord | RobotRecord;
export type TokenRecord = z.infer<typeof tokenRecord>;
export type BindingRecord = z.infer<typeof bindingRecord>;
export type SigningKeyRecord = z.infer<typeof signingKeyRecord>;
export type Grant = z.infer<typeof grant>;

/** The kinds of records below `auth/`, and what each is. */
export const AUTH_RECORDS = {
  principal: z.discriminatedUnion('kind', [userRecord, robotRecord]),
  token: tokenRecord,
  binding: bindingRecord,
  key: signingKeyRecord,
} as const;

export type AuthKind = keyof typeof AUTH_RECORDS;

export function isAuthKind(text: string): text is AuthKind {
  return Object.hasOwn(AUTH_RECORDS, text);
}

function isNamePattern(text: string): boolean {
  try {
    parseNamePattern(text);
    return true;
  } catch {
    return false;
  }
}
