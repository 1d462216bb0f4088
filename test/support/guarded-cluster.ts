import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { startCluster, type TestCluster } from './cluster.ts';
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

export function basic(name: string, secret: string): Headers {
  return { authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` };
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: 60_000, interval: 50 });
}
