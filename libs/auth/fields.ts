import { z } from 'zod';
import { isNamePattern, type NamePattern } from '#libs/oci/name-pattern.ts';
import { MAX_DESCRIPTION, MAX_GRANTS, MAX_GROUPS } from './limits.ts';
import { isGroupName, isPrincipalName, type GroupName, type PrincipalName } from './names.ts';
import { REGISTRY_ACTIONS, REPOSITORY_ACTIONS } from './roles.ts';

/*
 * What the records below `auth/` are made of.
 */

export const timeMs = z.int().nonnegative();
export const id = z.string().regex(/^[A-Za-z0-9_-]{8,64}$/);
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const description = z
  .string()
  .max(MAX_DESCRIPTION)
  .regex(/^\P{Cc}*$/u);

export const groupName = z.custom<GroupName>((value) => typeof value === 'string' && isGroupName(value));
export const groupNames = z.array(groupName).max(MAX_GROUPS);
export const principalName = z.custom<PrincipalName>(
  (value) => typeof value === 'string' && isPrincipalName(value),
);
export const namePattern = z.custom<NamePattern>(isNamePattern);

/** What a token is narrowed to. */
export const grant = z.object({
  actions: z.array(z.enum([...REPOSITORY_ACTIONS, ...REGISTRY_ACTIONS])).min(1),
  repositories: namePattern,
});
export const grants = z.array(grant).max(MAX_GRANTS);

export type Grant = z.infer<typeof grant>;
