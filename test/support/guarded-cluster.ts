import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { REGIONS, startCluster, type TestCluster } from './cluster.ts';
import { send, type Answer } from './registry-client.ts';

/** A cluster with authentication, and its administrator. */
export interface GuardedCluster extends TestCluster {
  readonly password: string;
  /** As `Authorization` says it. */
  readonly admin: Headers;
  /** Calls the API of identities in the region `us`; throws unless it did what was asked. */
  change(method: string, path: string, body?: object): Promise<Answer>;
}

export type Headers = Readonly<Record<string, string>>;

const PASSWORD = 'the administrator of the tests';

export async function startGuardedCluster(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<GuardedCluster> {
  const dir = await mkdtemp(join(tmpdir(), 'meridian-password-'));
  const file = join(dir, 'password');
  await writeFile(file, `${PASSWORD}\n`);
  const cluster = await startCluster({
    args: ['--auth', ...args],
    env: { ...env, MERIDIAN_ADMIN_PASSWORD_FILE: file },
  });
  const us = cluster.registry('us');
  const admin = basic('admin', PASSWORD);
  await until(async () => (await send(us, 'GET', '/v2/', { headers: admin })).status === 200);
  return {
    ...cluster,
    password: PASSWORD,
    admin,
    change: async (method, path, body) => {
      const sent = { headers: admin, ...(body && { body: JSON.stringify(body) }) };
      const answer = await send(us, method, `/meridian/v1/auth${path}`, sent);
      if (answer.status < 300) return answer;
      throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString()}`);
    },
    dispose: async () => {
      await cluster.dispose();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Makes a user with a token and a role, and gives what he sends along once all regions know him. */
export async function addUser(
  cluster: GuardedCluster,
  name: string,
  {
    role = 'developer',
    repositories,
    groups = [],
  }: { role?: string; repositories?: string; groups?: string[] },
): Promise<Headers> {
  await cluster.change('PUT', `/users/${name}`, { groups });
  if (repositories !== undefined)
    await cluster.change('POST', '/bindings', { role, subject: `user:${name}`, repositories });
  const made = await cluster.change('POST', '/tokens', { owner: name });
  const headers = basic(name, (JSON.parse(made.body.toString()) as { secret: string }).secret);
  await everywhere(
    cluster,
    async (registry) => (await send(registry, 'GET', '/v2/', { headers })).status === 200,
  );
  return headers;
}

/** Waits until it holds in each region. */
export async function everywhere(
  cluster: GuardedCluster,
  holds: (registry: string) => Promise<boolean>,
): Promise<void> {
  for (const region of REGIONS) await until(() => holds(cluster.registry(region)));
}

export function basic(name: string, secret: string): Headers {
  return { authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` };
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: 60_000, interval: 50 });
}
