import { z } from 'zod';
import { directoryName, directoryRecord } from './directory.ts';
import {
  description,
  grants,
  groupName,
  groupNames,
  id,
  namePattern,
  principalName,
  sha256,
  timeMs,
} from './fields.ts';
import { issuerName, issuerRecord } from './issuer.ts';
import { MAX_DIRECTORY_GROUPS, MAX_ISSUER_GROUPS, MAX_SECRETS, MAX_SUBJECT_LENGTH } from './limits.ts';
import { isPasswordHash } from './password.ts';
import { ROLES } from './roles.ts';
import { isSubject } from './subject.ts';

/*
 * What the catalog knows of identities and permissions, below `auth/`; the front ends get the same as JSON. Times are milliseconds since
 * 1970. Ids are random: who is deleted and made again is someone else.
 */

export const passwordHash = z.string().refine(isPasswordHash);
/** A robot's; its text has 256 random bits, so that one round of SHA-256 is enough. */
export const secret = z.object({ id, sha256, createdAtMs: timeMs, expiresAtMs: timeMs.exactOptional() });

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
  /** Of one whom an issuer of OpenID Connect vouches for, as of his last login: until then he is someone, and in these groups. */
  login: z
    .object({
      issuer: issuerName,
      /** Of the issuer that is meant, not of a later one of that name. */
      issuerId: id,
      /** Who he is to the issuer. */
      subject: z.string().min(1).max(MAX_SUBJECT_LENGTH),
      groups: z.array(groupName).max(MAX_ISSUER_GROUPS),
      atMs: timeMs,
      endsAtMs: timeMs,
    })
    .exactOptional(),
  /** Of one who comes from a directory: which entry of it is his, and the groups that he is in there. */
  directory: z
    .object({
      name: directoryName,
      subject: z.string().min(1).max(MAX_SUBJECT_LENGTH),
      groups: z.array(groupName).max(MAX_DIRECTORY_GROUPS),
    })
    .exactOptional(),
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
  /** Made by a login through an issuer, for as long as that lasts. */
  session: z.literal(true).exactOptional(),
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

/** The kinds of records below `auth/`, and what each is. */
export const AUTH_RECORDS = {
  principal: z.discriminatedUnion('kind', [userRecord, robotRecord]),
  token: tokenRecord,
  binding: bindingRecord,
  key: signingKeyRecord,
  issuer: issuerRecord,
  directory: directoryRecord,
} as const;

export type AuthKind = keyof typeof AUTH_RECORDS;

export function isAuthKind(text: string): text is AuthKind {
  return Object.hasOwn(AUTH_RECORDS, text);
}
