import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3, Range } from 'etcd3';
import { vi } from 'vitest';
import type { TlsFiles } from '#libs/tls/identity.ts';
import type { RegionCertificates } from './certificates.ts';
import { etcdProgram } from './etcd.ts';
import { freePorts } from './ports.ts';
import type { RunningServer } from './server-program.ts';

/** A member of etcd that talks to nobody without a certificate and a password. */
export interface GuardedEtcd {
  readonly endpoint: string;
  /** Asks as etcd's root. */
  readonly root: Etcd3;
  /** Tokens are lost by this. */
  restart(): Promise<void>;
  dispose(): Promise<void>;
}

/** The user who may do everything below `/meridian/`, and nothing else. */
export const ETCD_USER = 'registry';
const ROOT_PASSWORD = 'the root of the tests';

/** Throws where there is no etcd. */
export async function startGuardedEtcd(
  { etcd, etcdClient }: RegionCertificates,
  password: string,
): Promise<GuardedEtcd> {
  const program = etcdProgram;
  if (program === undefined) throw new Error('There is no etcd to start.');
  const [port = 0, peerPort = 0] = await freePorts(2);
  const dir = await mkdtemp(join(tmpdir(), 'meridian-guarded-etcd-'));
  const endpoint = `https://localhost:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const args = ['--name', 'guarded', '--data-dir', join(dir, 'member')]
    .concat(['--listen-client-urls', `https://127.0.0.1:${port}`, '--advertise-client-urls', endpoint])
    .concat(['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer])
    .concat(['--initial-cluster', `guarded=${peer}`, '--client-cert-auth'])
    .concat(['--trusted-ca-file', etcd.ca, '--cert-file', etcd.cert, '--key-file', etcd.key]);
  let running: RunningServer = await program.launch(args, dir);
  const unguarded = connect(endpoint, etcdClient, undefined);
  await answers(unguarded);
  await guard(unguarded, password);
  unguarded.close();
  const root = connect(endpoint, etcdClient, ROOT_PASSWORD);
  return {
    endpoint,
    root,
    restart: async () => {
      await running.kill();
      running = await program.launch(args, dir);
    },
    dispose: async () => {
      root.close();
      await running.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function connect(endpoint: string, { ca, cert, key }: TlsFiles, password: string | undefined): Etcd3 {
  return new Etcd3({
    hosts: endpoint,
    credentials: {
      rootCertificate: readFileSync(ca),
      certChain: readFileSync(cert),
      privateKey: readFileSync(key),
    },
    ...(password !== undefined && { auth: { username: 'root', password } }),
  });
}

async function answers(client: Etcd3): Promise<void> {
  await vi.waitFor(() => client.get('-'), { timeout: 60_000, interval: 200 });
}

async function guard(client: Etcd3, password: string): Promise<void> {
  const root = await client.user('root').create(ROOT_PASSWORD);
  await client.role('root').create();
  await root.addRole('root');
  const role = await client.role('meridian').create();
  await role.grant({ permission: 'Readwrite', range: Range.prefix('/meridian/') });
  await (await client.user(ETCD_USER).create(password)).addRole('meridian');
  await client.auth.authEnable();
}
