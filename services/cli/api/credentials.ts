import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readSecretFile } from '#libs/config/secret-file.ts';
import { EXIT, Exit, wrongUsage } from '../exit.ts';

export interface Credentials {
  readonly username: string;
  /** A password, a robot's secret or a personal access token. */
  readonly password: string;
}

type Env = Readonly<NodeJS.ProcessEnv>;

const file = z.looseObject({
  registries: z.record(z.string(), z.object({ username: z.string(), password: z.string() })),
});

/** Those of the environment, or else what `meridian login` kept for the registry. */
export function credentialsFor(url: string, env: Env): Credentials | undefined {
  return credentialsOfEnv(env) ?? readAll(env)[url];
}

/** MERIDIAN_USERNAME, with the password in the file that MERIDIAN_PASSWORD_FILE names. */
export function credentialsOfEnv(env: Env): Credentials | undefined {
  const [username = '', path = ''] = [env['MERIDIAN_USERNAME'], env['MERIDIAN_PASSWORD_FILE']];
  if (username === '' && path === '') return undefined;
  if (username === '' || path === '')
    throw wrongUsage('MERIDIAN_USERNAME and MERIDIAN_PASSWORD_FILE must be set both, or neither.');
  try {
    return { username, password: readSecretFile(path) };
  } catch (cause) {
    throw new Exit(EXIT.usage, `The file ${path} of MERIDIAN_PASSWORD_FILE can't be read.`, { cause });
  }
}

/** Keeps them for the registry in a file that only this user can read, or forgets them. Gives the file's path. */
export function keepCredentials(url: string, credentials: Credentials | undefined, env: Env): string {
  const path = pathIn(env);
  const { [url]: _old, ...others } = readAll(env);
  const registries = credentials === undefined ? others : { ...others, [url]: credentials };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, `${JSON.stringify({ registries }, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return path;
}

function readAll(env: Env): Readonly<Record<string, Credentials>> {
  try {
    return file.parse(JSON.parse(readFileSync(pathIn(env), 'utf8'))).registries;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Exit(EXIT.usage, `The file ${pathIn(env)} can't be read. Remove it, and log in again.`, {
      cause,
    });
  }
}

/** https://specifications.freedesktop.org/basedir-spec/latest/ */
function pathIn(env: Env): string {
  const config = env['XDG_CONFIG_HOME'] ?? '';
  return join(config === '' ? join(homedir(), '.config') : config, 'meridian', 'credentials.json');
}
