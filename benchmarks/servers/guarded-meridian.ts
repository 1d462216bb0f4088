import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startMeridianAs } from './meridian.ts';
import type { Server, ServerOptions, StartServer } from './server.ts';

const ADMINISTRATOR = { name: 'admin', password: 'the administrator of the benchmark' };
const READER = { name: 'reader', password: 'the reader of the benchmark' };

/** Meridian with authentication, which lets anyone push and pull, under a name of its own. */
export function startGuardedMeridian(name: string): StartServer {
  return (options) => startGuarded(name, options);
}

async function startGuarded(name: string, options: ServerOptions): Promise<Server> {
  const file = join(options.dataDir, 'password');
  await writeFile(file, ADMINISTRATOR.password);
  const start = startMeridianAs(
    name,
    { MERIDIAN_AUTH: 'on', MERIDIAN_ADMIN_PASSWORD_FILE: file, MERIDIAN_TOKEN_SECONDS: '3600' },
    // Until then, nobody can be let in.
    { path: '/meridian/v1/auth/self', headers: { authorization: basic(ADMINISTRATOR) } },
  );
  const server = await start(options);
  await change(server.registry, 'POST', '/bindings', {
    ...{ role: 'developer', subject: 'anyone', repositories: '**' },
  });
  return server;
}

/** As what `Authorization` says it. */
export interface Reader {
  readonly basic: string;
  /** With a token for that repository, as clients have one. */
  readonly bearer: ReadonlyMap<string, string>;
}

/** Makes a user who may pull from these, and logs him in for each. */
export async function asReader(registry: string, repositories: readonly string[]): Promise<Reader> {
  await change(registry, 'PUT', `/users/${READER.name}`, { password: READER.password });
  const given = { role: 'puller', subject: `user:${READER.name}`, repositories: '**' };
  await change(registry, 'POST', '/bindings', given);
  const bearer = new Map<string, string>();
  for (const repository of repositories) {
    const path = `/meridian/v1/token?service=meridian&scope=repository:${repository}:pull`;
    const headers = { authorization: basic(READER) };
    const answer = await fetch(`http://${registry}${path}`, { headers });
    const { token } = (await answer.json()) as { token: string };
    bearer.set(repository, `Bearer ${token}`);
  }
  return { basic: basic(READER), bearer };
}

async function change(registry: string, method: string, path: string, body: object): Promise<void> {
  const headers = { authorization: basic(ADMINISTRATOR), 'content-type': 'application/json' };
  const sent = { method, headers, body: JSON.stringify(body) };
  const answer = await fetch(`http://${registry}/meridian/v1/auth${path}`, sent);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

function basic({ name, password }: typeof READER): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}
