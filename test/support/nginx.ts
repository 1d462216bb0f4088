import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { findClient } from './client-program.ts';
import { startDaemon } from './daemon.ts';
import { freePorts } from './ports.ts';
import { send } from './registry-client.ts';

/** nginx with the profile of deploy/. */
export interface Nginx {
  /** `host:port` where clients reach it. */
  readonly registry: string;
  stop(): Promise<void>;
}

// Debian has it where only root looks.
const env = { PATH: [process.env['PATH'], '/usr/sbin'].join(delimiter) };
export const nginx = findClient('nginx', ['-v'], { env });

const PROFILE = join(import.meta.dirname, '../../deploy/nginx.conf');

/**
 * Starts it before one front end. `storageDir` is the directory of the front end's storage, `seenDir` where nginx looks for that; `scratch` a
 * directory of its own.
 */
export async function startNginx(options: {
  frontend: string;
  storageDir: string;
  seenDir: string;
  scratch: string;
}): Promise<Nginx> {
  const { frontend, storageDir, seenDir, scratch } = options;
  const [port = 0] = await freePorts(1);
  const registry = `127.0.0.1:${port}`;
  const config = replaced(await readFile(PROFILE, 'utf8'), {
    'worker_processes auto;': 'daemon off; worker_processes 1;',
    'pid /run/nginx.pid;': `pid ${scratch}/pid; error_log stderr crit; user root;`,
    'access_log off;': ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${scratch}/${name};`)
      .join(' ')
      .concat(' access_log off;'),
    'listen 8080 backlog=4096;': `listen ${registry};`,
    'server 127.0.0.1:5000;': `server ${frontend};`,
    '/meridian-blobs/var/lib/meridian/blobs/': `/meridian-blobs${storageDir}/blobs/`,
    'alias /var/lib/meridian/blobs/;': `alias ${seenDir}/blobs/;`,
  });
  await mkdir(scratch, { recursive: true });
  const file = join(scratch, 'nginx.conf');
  await writeFile(file, config);
  const { stop } = await startDaemon('nginx', {
    env,
    args: ['-c', file, '-e', 'stderr', '-p', scratch],
    answers: () => send(registry, 'GET', '/v2/'),
  });
  return { registry, stop };
}

/** Throws where the profile does not have what is to be replaced. */
function replaced(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((before, [from, to]) => {
    if (!before.includes(from)) throw new Error(`deploy/nginx.conf has no longer: ${from}`);
    return before.replace(from, to);
  }, text);
}
