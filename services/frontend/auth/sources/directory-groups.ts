import type { DirectoryRecord } from '#libs/auth/directory.ts';
import { MAX_DIRECTORY_GROUPS } from '#libs/auth/limits.ts';
import { isGroupName, type GroupName } from '#libs/auth/names.ts';
import type { DirectoryUser } from '#libs/ldap/directory.ts';
import { canonicalDn } from '#libs/ldap/search.ts';
import { RegistryError } from '#libs/oci/errors.ts';

/**
 * What the groups of a directory are called here: as the record says, or with the directory's name before their own, so that none of them is taken for a group
 * of the registry. Those that can't be called anything are left out. Throws DENIED for more than one may be in.
 */
export function groupsHere(
  directory: string,
  { groupNames }: Pick<DirectoryRecord, 'groupNames'>,
  { groups }: Pick<DirectoryUser, 'groups'>,
): GroupName[] {
  const given = new Map(Object.entries(groupNames ?? {}).map(([dn, name]) => [canonicalDn(dn), name]));
  const nameOf = ({ dn, name }: DirectoryUser['groups'][number]): GroupName | undefined => {
    if (groupNames !== undefined) return given.get(canonicalDn(dn));
    const prefixed = `${directory}/${name ?? ''}`;
    return name !== undefined && isGroupName(prefixed) ? prefixed : undefined;
  };
  const names = new Set(groups.map(nameOf).filter((name) => name !== undefined));
  if (names.size <= MAX_DIRECTORY_GROUPS) return [...names].sort();
  throw new RegistryError(
    'DENIED',
    `You are in ${names.size} groups of the directory ${directory}, and the registry takes ${MAX_DIRECTORY_GROUPS}. Have an administrator name those that matter to it.`,
  );
}
