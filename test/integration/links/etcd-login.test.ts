import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import type { EtcdClient } from '#libs/etcd/store.ts';
import { keepTls } from '#libs/tls/keeper.ts';
import { makeCertificates, type RegionCertificates } from '#test/support/certificates.ts';
import { etcdLeftOut, hasEtcd } from '#test/support/etcd.ts';
import { ETCD_USER, startGuardedEtcd, type GuardedEtcd } from '#test/support/guarded-etcd.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { freePorts } from '#test/support/ports.ts';
import { pull, push } from '#test/support/registry-client.ts';
import { tlsEnv } from '#test/support/separate-region.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';

const PASSWORD = 'what etcd knows of the registry';
const soon = { timeout: 60_000, interval: 200 };
const signal = new AbortController().signal;

describe.skipIf(!hasEtcd)(`an etcd that asks for a certificate and a password${etcdLeftOut}`, () => {
  let scratch: string;
  let certificates: RegionCertificates;
  let etcd: GuardedEtcd;
  let region: ServiceProcess;
  let registry: string;
  let passwordFile: string;
  const keeper = keepTls({ onRenewed: () => undefined, onRefused: () => undefined });
  const opened: EtcdClient[] = [];
  const connect = (password: string | undefined): EtcdClient => {
    const client = connectEtcd({
      endpoints: [etcd.endpoint],
      tls: keeper.open(certificates.etcdClient),
      ...(password !== undefined && { login: { username: ETCD_USER, password: () => password } }),
      callTimeoutMs: 10_000,
    });
    opened.push(client);
    return client;
  };
  const image = async (tag: string): Promise<string> => {
    const dir = join(scratch, tag);
    await writeImageLayout(dir, '1.0', { layerBytes: [100_000], seed: tag });
    return dir;
  };
  const pushes = async (tag: string): Promise<void> => {
    const dir = await image(tag);
    const pushed = (): Promise<unknown> =>
      push(registry, 'team/app', tag, dir).then(({ status }) => status, String);
    await expect.poll(pushed, soon).toBe(201);
    await pull(registry, 'team/app', tag);
  };

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-etcd-login-'));
    certificates = makeCertificates(join(scratch, 'certificates'), ['us']).us;
    etcd = await startGuardedEtcd(certificates, PASSWORD);
    passwordFile = join(scratch, 'password');
    writeFileSync(passwordFile, `${PASSWORD}\n`);
    const [port = 0, peerPort = 0] = await freePorts(2);
    registry = `127.0.0.1:${port}`;
    region = await startService('region.ts', {
      MERIDIAN_REGION: 'us',
      MERIDIAN_LISTEN: registry,
      MERIDIAN_PEER_LISTEN: `127.0.0.1:${peerPort}`,
      MERIDIAN_REGIONS: `us=127.0.0.1:${peerPort}`,
      MERIDIAN_DATA_DIR: join(scratch, 'us'),
      MERIDIAN_ETCD: etcd.endpoint,
      MERIDIAN_ETCD_USERNAME: ETCD_USER,
      MERIDIAN_ETCD_PASSWORD_FILE: passwordFile,
      ...tlsEnv('MERIDIAN_ETCD_TLS', certificates.etcdClient),
    });
  }, 180_000);
  afterAll(async () => {
    for (const client of opened) client.close();
    keeper.close();
    await region.stop();
    await etcd.dispose();
    await rm(scratch, { recursive: true, force: true });
  });

  it('serves a region, as a user who may nothing else', async () => {
    await pushes('first');
    const client = connect(PASSWORD);
    const key = '/meridian/v1/catalog/head';
    expect((await client.range({ key }, signal)).kvs).toHaveLength(1);
    const put = { kind: 'put', key: '/elsewhere', value: Buffer.from('x') } as const;
    await expect(client.txn({ compare: [], then: [put] }, signal)).rejects.toThrow(
      /refused: .*permission denied/,
    );
  });

  it('refuses who has the certificate alone, or another password, in a sentence', async () => {
    const key = '/meridian/v1/catalog/head';
    await expect(connect(undefined).range({ key }, signal)).rejects.toThrow(/refused: /);
    const wrong = connect('not the password').range({ key }, signal);
    await expect(wrong).rejects.toThrow(/refused: .*authentication failed/);
    await expect(wrong).rejects.not.toThrow(/not the password/);
  });

  it('is logged in to again when it has forgotten everyone', async () => {
    const client = connect(PASSWORD);
    const ask = (): Promise<string> =>
      client.range({ key: '/meridian/v1/catalog/head' }, signal).then(() => 'answered', String);
    expect(await ask()).toBe('answered');
    await etcd.restart();
    await expect.poll(ask, soon).toBe('answered');
    await pushes('second');
  });

  it('is asked with a newer token when its users and roles have changed', async () => {
    const client = connect(PASSWORD);
    const key = '/meridian/v1/catalog/head';
    await client.range({ key }, signal);
    await etcd.root.role('another').create();
    expect((await client.range({ key }, signal)).kvs).toHaveLength(1);
    await pushes('third');
  });

  it('is logged in to with another password once the file has it', async () => {
    writeFileSync(passwordFile, 'another password');
    await etcd.root.user(ETCD_USER).setPassword('another password');
    await pushes('fourth');
  });

  it('gives its password to no log', () => {
    expect(readFileSync(passwordFile, 'utf8')).toBe('another password');
    for (const secret of [PASSWORD, 'another password', 'PRIVATE KEY'])
      expect(region.log()).not.toContain(secret);
  });
});
