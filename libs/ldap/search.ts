import type { Client, Entry } from 'ldapts';
import type { DirectorySettings } from '#libs/auth/directory.ts';
import { fillFilter } from './filter.ts';

export interface FoundUser {
  readonly name: string;
  readonly dn: string;
  readonly id: string;
  /** Groups that the entry itself names. */
  readonly memberOf: readonly string[];
}

export interface DirectoryGroup {
  readonly dn: string;
  /** Undefined where its DN alone is known, and that begins with nothing to be called by. */
  readonly name: string | undefined;
}

const MAX_GROUPS = 1_000;

/** The one entry of that name; undefined where there is none, or several. */
export async function findUser(
  client: Client,
  { users, groups }: DirectorySettings,
  name: string,
): Promise<FoundUser | undefined> {
  const memberOf = groups !== undefined && 'memberOf' in groups ? groups.memberOf : undefined;
  const ofId = users.idAttribute === 'dn' ? [] : [users.idAttribute];
  const { searchEntries } = await client.search(users.base, {
    filter: fillFilter(users.filter, { name }),
    sizeLimit: 2,
    attributes: [
      ...ofId,
      ...(memberOf === undefined ? [] : [memberOf]),
      ...(ofId.length === 0 ? ['1.1'] : []),
    ],
    explicitBufferAttributes: ofId,
  });
  const [entry, other] = searchEntries;
  if (entry === undefined || other !== undefined) return undefined;
  return {
    ...{ name, dn: entry.dn },
    id: users.idAttribute === 'dn' ? canonicalDn(entry.dn) : idOf(entry, users.idAttribute),
    memberOf: memberOf === undefined ? [] : valuesOf(entry, memberOf).map(String),
  };
}

export async function findGroups(
  client: Client,
  { groups }: DirectorySettings,
  { dn, name, memberOf }: FoundUser,
): Promise<DirectoryGroup[]> {
  if (groups === undefined) return [];
  if ('memberOf' in groups) return memberOf.map((group) => ({ dn: group, name: firstValue(group) }));
  const { searchEntries } = await client.search(groups.base, {
    filter: fillFilter(groups.filter, { dn, name }),
    sizeLimit: MAX_GROUPS,
    attributes: [groups.nameAttribute],
  });
  return searchEntries.map((entry) => {
    const [called] = valuesOf(entry, groups.nameAttribute);
    return { dn: entry.dn, name: called === undefined ? undefined : String(called) };
  });
}

/** DNs that differ in letters and in blanks around separators alone are the same. */
export function canonicalDn(dn: string): string {
  return dn.toLowerCase().replaceAll(/ *([,=+]) */g, '$1');
}

const MAX_ID_LENGTH = 128;

/** Text as it is, bytes in hexadecimal. */
function idOf(entry: Entry, attribute: string): string {
  const [value] = valuesOf(entry, attribute);
  if (value === undefined) throw new Error(`An entry has no ${attribute}: name another idAttribute.`);
  const bytes = Buffer.from(value);
  const text = bytes.toString();
  const id = /^[\x21-\x7e]+$/.test(text) ? text : `hex:${bytes.toString('hex')}`;
  if (id.length > MAX_ID_LENGTH) throw new Error(`The ${attribute} of an entry has ${bytes.length} bytes.`);
  return id;
}

/** Attributes are found whatever letters they are written in. */
function valuesOf(entry: Entry, attribute: string): readonly (string | Buffer)[] {
  const wanted = attribute.toLowerCase();
  const key = Object.keys(entry).find((name) => name !== 'dn' && name.toLowerCase() === wanted);
  const value = key === undefined ? [] : entry[key];
  return value === undefined ? [] : [value].flat();
}

/** What a DN begins with, where nothing in it is escaped: `devs` of `cn=devs,ou=groups`. */
function firstValue(dn: string): string | undefined {
  return /^[^=,+\\]+=([^,+\\]+)(?:,|$)/.exec(dn)?.[1]?.trim();
}
