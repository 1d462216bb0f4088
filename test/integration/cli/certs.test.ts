import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findClient } from '#test/support/client-program.ts';
import { meridian, readTable, type MeridianAnswer } from '#test/support/meridian-program.ts';

const NOWHERE = '127.0.0.1:9';
const openssl = findClient('openssl', ['version']);

describe('meridian certs', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meridian-certs-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const certs = (command: string, ...args: string[]): Promise<MeridianAnswer> =>
    meridian(NOWHERE, 'certs', command, '--dir', dir, ...args);
  const make = (...args: string[]): Promise<MeridianAnswer> =>
    certs('make', '--registry-name', 'registry.example.net', ...args);
  const certificate = (path: string): X509Certificate => new X509Certificate(readFileSync(join(dir, path)));
  const contents = (): Promise<Record<string, string>> => readAll(dir);

  it('makes two authorities, and what each region shows', async () => {
    const { code, out } = await make('us=us.example.net,10.1.0.4,2001:db8::4', 'eu=eu.example.net');
    expect([code, out]).toEqual([0, expect.stringContaining('10 certificates made.')]);
    const names =
      'DNS:localhost, IP Address:127.0.0.1, DNS:us.example.net, IP Address:10.1.0.4, IP Address:2001:DB8:0:0:0:0:0:4';
    expect(certificate('us/region.pem').subjectAltName).toBe(names);
    expect(certificate('us/etcd.pem').subjectAltName).toBe(names);
    expect(certificate('us/registry.pem').subjectAltName).toBe(`${names}, DNS:registry.example.net`);
    expect(certificate('us/etcd-client.pem').subjectAltName).toBeUndefined();
    expect(certificate('us/region.pem').subject).toBe('O=Meridian\nCN=us');
    expect(certificate('us/etcd-client.pem').subject).toBe('O=Meridian\nCN=meridian');
    const authority = certificate('authority/ca.pem');
    expect(certificate('eu/region.pem').verify(authority.publicKey)).toBe(true);
    expect(certificate('eu/etcd.pem').verify(authority.publicKey)).toBe(false);
    expect(certificate('eu/ca.pem').raw).toEqual(authority.raw);
  });

  it.skipIf(!openssl.usable)(
    `makes what OpenSSL finds right, each for its own use${openssl.leftOut}`,
    async () => {
      const verify = (authority: string, purpose: string, file: string): Promise<string> =>
        openssl
          .run([
            'verify',
            '-x509_strict',
            '-purpose',
            purpose,
            '-CAfile',
            join(dir, authority),
            join(dir, file),
          ])
          .then(
            () => 'right',
            () => 'wrong',
          );
      const [ca, etcdCa] = ['authority/ca.pem', 'authority/etcd-ca.pem'];
      const uses = {
        'us/region.pem': ca,
        'us/registry.pem': ca,
        'us/etcd.pem': etcdCa,
        'us/etcd-client.pem': etcdCa,
      };
      const found: unknown[] = [];
      for (const [file, authority] of Object.entries(uses))
        found.push([
          file,
          await verify(authority, 'sslserver', file),
          await verify(authority, 'sslclient', file),
        ]);
      expect(found).toEqual([
        ['us/region.pem', 'right', 'right'],
        ['us/registry.pem', 'right', 'wrong'],
        ['us/etcd.pem', 'right', 'right'],
        ['us/etcd-client.pem', 'wrong', 'right'],
      ]);
      expect(await verify(etcdCa, 'sslclient', 'us/region.pem')).toBe('wrong');
    },
  );

  it('lets nobody else read a key', () => {
    for (const key of [
      'authority/ca.key',
      'authority/etcd-ca.key',
      'us/region.key',
      'us/registry.key',
      'us/etcd.key',
    ])
      expect(statSync(join(dir, key)).mode & 0o777, key).toBe(0o600);
    expect(statSync(join(dir, 'authority')).mode & 0o777).toBe(0o700);
  });

  it('keeps all that is there when a region is added, a lost certificate’s key too', async () => {
    await rm(join(dir, 'eu', 'registry.pem'));
    const before = await contents();
    const { out } = await make('us=other.example.net', 'eu=eu.example.net', 'ap=ap.example.net');
    expect(out).toContain('5 certificates made.');
    expect(await contents()).toMatchObject(before);
  });

  it('lists them, and says by its exit code whether one ends soon', async () => {
    const whole = await certs('list');
    expect(whole.code).toBe(0);
    expect(readTable(whole.out, 'FILE', 'ENDS', 'NAMES')).toHaveLength(14);
    const soon = await certs('list', '--within', '900');
    expect([soon.code, soon.out]).toEqual([
      1,
      expect.stringMatching(/us\/region\.pem +\d{4}-\d\d-\d\d \(soon\)/),
    ]);
    const listed = JSON.parse((await certs('list', '--json')).out) as { path: string; names: string[] }[];
    expect(listed.find(({ path }) => path === 'eu/registry.pem')?.names).toContain('registry.example.net');
  });

  it('renews what ends soon: the same key, names and uses', async () => {
    expect((await make('sa=sa.example.net,10.4.0.4', '--days', '10')).code).toBe(0);
    const [before, old] = [await contents(), certificate('sa/registry.pem')];
    const { out } = await certs('renew');
    expect(out).toContain('4 certificates renewed.');
    const [after, renewed] = [await contents(), certificate('sa/registry.pem')];
    const changed = Object.keys(after).filter((path) => after[path] !== before[path]);
    expect(changed.sort()).toEqual(
      ['etcd-client', 'etcd', 'region', 'registry'].map((name) => `sa/${name}.pem`).sort(),
    );
    expect(renewed.validToDate.getTime()).toBeGreaterThan(old.validToDate.getTime());
    const same = ({ publicKey, subject, subjectAltName, keyUsage, issuer }: X509Certificate): unknown[] => [
      publicKey.export({ type: 'spki', format: 'pem' }),
      ...[subject, subjectAltName, keyUsage, issuer],
    ];
    expect(same(renewed)).toEqual(same(old));
    expect(renewed.serialNumber).not.toBe(old.serialNumber);
    expect((await certs('renew')).out).toContain('0 certificates renewed.');
  });

  it.each([
    [['make'], 2, 'Which regions?'],
    [['make', 'us'], 2, 'expected REGION=HOST'],
    [['make', 'authority=a.example.net'], 2, 'expected REGION=HOST'],
    [['make', 'us=a b'], 2, 'expected a host name or an address'],
    [['make', `us=${'a'.repeat(200)}!`], 2, 'expected a host name or an address'],
    [['make', 'us=a.example.net', '--days', 'many'], 2, 'expected a number of days'],
    [['mend'], 2, 'Expected one of make, list, renew.'],
    [['list', '--dir', '/nowhere'], 1, '/nowhere can'],
  ])('says what is wrong with %j', async (args, code, sentence) => {
    const answer = await meridian(NOWHERE, 'certs', ...args);
    expect([answer.code, answer.err]).toEqual([code, expect.stringContaining(sentence)]);
  });

  it('says which key it can’t use', async () => {
    writeFileSync(join(dir, 'authority', 'ca.key'), 'nothing');
    const { code, err } = await make('ca=ca.example.net');
    expect([code, err]).toEqual([1, expect.stringContaining('ca.key holds no private key in PEM')]);
  });
});

async function readAll(dir: string): Promise<Record<string, string>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(paths.map((path) => [path.slice(dir.length + 1), readFileSync(path, 'latin1')]));
}
