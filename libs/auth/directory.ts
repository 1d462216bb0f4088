import { z } from 'zod';
import { groupName, id, timeMs } from './fields.ts';

/*
 * A directory that others keep, in which names and passwords of users are looked up by LDAP: what the registry must know of it. The password by
 * which the registry itself binds is none of this: each front end has it from a file.
 */

const MAX_URLS = 4;
const MAX_CA_LENGTH = 16_384;
const MAX_GROUP_NAMES = 200;

const dn = z.string().min(1).max(512);
const filter = z.string().min(3).max(1_024);
const attribute = z.string().regex(/^[A-Za-z][A-Za-z0-9;.-]{0,63}$/);

const users = z.strictObject({
  base: dn,
  /** With `{name}` for the name that is given. */
  filter,
  /** What tells an entry from all others, also from later ones of its name: `entryUUID`, `objectGUID`; `dn` where there is nothing better. */
  idAttribute: attribute.default('entryUUID'),
});

/** By an attribute of the user's entry, or by a search with `{dn}` or `{name}` for the user's. */
const groups = z.union([
  z.strictObject({ memberOf: attribute }),
  z.strictObject({ base: dn, filter, nameAttribute: attribute.default('cn') }),
]);

const settings = {
  /** Those after the first are asked where the ones before can't be reached. */
  urls: z.array(z.string().refine(isLdapUrl)).min(1).max(MAX_URLS),
  /** Of `ldap://`: nothing is sent before the connection is encrypted. */
  startTls: z.boolean().default(true),
  /** The authorities that servers' certificates are checked against, in PEM; without it, those that Node knows. */
  ca: z.string().max(MAX_CA_LENGTH).exactOptional(),
  /** As whom the registry looks for users; without it, as nobody. */
  bindDn: dn.exactOptional(),
  users,
  groups: groups.exactOptional(),
  /** The registry's names of groups, by their DNs; with it, other groups are left out. */
  groupNames: z
    .record(dn, groupName)
    .refine((names) => Object.keys(names).length <= MAX_GROUP_NAMES)
    .exactOptional(),
  /** How long what the directory said is relied on: who is disabled there is out after it. */
  trustSeconds: z.int().min(60).max(3_600).default(300),
  /** Of a connection, and of each answer. */
  timeoutMs: z.int().min(500).max(30_000).default(5_000),
};

/** As administrators give it. */
export const directorySettings = z.strictObject(settings);

/** Has another id after each change, so that what was proven before counts no more. */
export const directoryRecord = z.object({
  ...settings,
  id,
  createdAtMs: timeMs,
});

export const directoryName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/);

export type DirectorySettings = z.infer<typeof directorySettings>;
export type DirectoryRecord = z.infer<typeof directoryRecord>;

function isLdapUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['ldap:', 'ldaps:'].includes(url.protocol) || url.hostname === '') return false;
  return url.username === '' && ['', '/'].includes(url.pathname) && url.search === '' && url.hash === '';
}
