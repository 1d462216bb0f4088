import type { LdapEntry } from './ldap-server.ts';

export const SUFFIX = 'dc=example,dc=net';
export const SERVICE = { dn: `cn=meridian,${SUFFIX}`, password: 'the password of the registry' };
export const ALICE = { name: 'alice', password: 'correct horse battery' };
export const BOB = { name: 'bob', password: 'another password' };
export const PEOPLE = `ou=people,${SUFFIX}`;
const GROUPS = `ou=groups,${SUFFIX}`;

/** A company's people and groups: alice is in devs, bob in ops too. */
export const COMPANY: readonly LdapEntry[] = [
  { dn: SUFFIX, attributes: { objectClass: ['dcObject', 'organization'], dc: ['example'], o: ['Example'] } },
  { dn: PEOPLE, attributes: { objectClass: ['organizationalUnit'], ou: ['people'] } },
  { dn: GROUPS, attributes: { objectClass: ['organizationalUnit'], ou: ['groups'] } },
  {
    dn: SERVICE.dn,
    password: SERVICE.password,
    attributes: { objectClass: ['applicationProcess', 'simpleSecurityObject'], cn: ['meridian'] },
  },
  person('alice', ALICE.password, '1c9c2f7a-0000-4000-8000-000000000001'),
  person('bob', BOB.password, '1c9c2f7a-0000-4000-8000-000000000002'),
  {
    dn: `cn=devs,${GROUPS}`,
    attributes: {
      objectClass: ['groupOfNames'],
      cn: ['devs'],
      member: [`uid=alice,${PEOPLE}`, `uid=bob,${PEOPLE}`],
    },
  },
  {
    dn: `cn=ops,${GROUPS}`,
    attributes: { objectClass: ['groupOfNames'], cn: ['ops'], member: [`uid=bob,${PEOPLE}`] },
  },
];

export function person(uid: string, password: string, id: string): LdapEntry {
  return {
    dn: `uid=${uid},${PEOPLE}`,
    password,
    attributes: { objectClass: ['inetOrgPerson'], uid: [uid], cn: [uid], sn: [uid], entryUUID: [id] },
  };
}

/** What the registry is told of it. */
export function companySettings(url: string, change: object = {}): object {
  return {
    ...{ urls: [url], startTls: false, bindDn: SERVICE.dn },
    users: { base: PEOPLE, filter: '(&(objectClass=inetOrgPerson)(uid={name}))' },
    groups: { base: GROUPS, filter: '(member={dn})' },
    ...change,
  };
}
