import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { directorySettings } from '#libs/auth/directory.ts';
import { openDirectory, type Directory } from '#libs/ldap/directory.ts';
import { makeCertificates } from '#test/support/certificates.ts';
import { ALICE, COMPANY, companySettings, SERVICE } from '#test/support/company-directory.ts';
import { startLdapServer, type LdapServer } from '#test/support/ldap-server.ts';

const dir = mkdtempSync(join(tmpdir(), 'meridian-ldap-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('a directory asked by StartTLS', () => {
  const made = (folder: string) => makeCertificates(join(dir, folder), ['ldap']).ldap;
  const [own, another] = [made('own'), made('another')];
  const text = (path: string): string => readFileSync(path, 'utf8');

  async function open(offersTls: boolean): Promise<LdapServer> {
    const certificate = offersTls ? { certificate: { cert: text(own.cert), key: text(own.key) } } : {};
    const server = await startLdapServer({ entries: COMPANY, ...certificate });
    onTestFinished(() => server.close());
    return server;
  }

  function directoryAt({ url }: LdapServer, ca: string): Directory {
    const settings = directorySettings.parse(companySettings(url, { startTls: true, ca: text(ca) }));
    return openDirectory({ settings, readPassword: () => SERVICE.password });
  }

  const logIn = (directory: Directory) =>
    directory.authenticate(ALICE.name, ALICE.password, AbortSignal.timeout(30_000));

  it('is told no password before the connection is encrypted', async () => {
    const server = await open(true);
    expect(await logIn(directoryAt(server, own.ca))).toMatchObject({ groups: [{ name: 'devs' }] });
    expect(server.binds).toHaveLength(3);
    expect(server.binds.every(({ isEncrypted }) => isEncrypted)).toBe(true);
  });

  it.each([
    ['does not offer it', false, own.ca],
    ['has a certificate of another authority', true, another.ca],
  ])('is told nothing where it %s', async (_what, offersTls, ca) => {
    const server = await open(offersTls);
    await expect(logIn(directoryAt(server, ca))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(server.binds).toEqual([]);
  });

  it('is not believed what came before TLS, such as the beginning of an answer that swallows the next', async () => {
    const server = await open(true);
    // A bind's success whose message is yet to come: as long as the answer of a bind.
    server.inject.bytes = Buffer.from('301702010261120a01000400040e', 'hex');
    await expect(logIn(directoryAt(server, own.ca))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(server.binds).toEqual([]);
  });
});
