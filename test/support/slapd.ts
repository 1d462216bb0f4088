import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { LdapEntry } from './ldap-server.ts';
import { freePorts } from './ports.ts';
import { findProgram, leftOut } from './server-program.ts';

/** OpenLDAP's server, with entries of the tests; its data are gone when it is closed. */
export interface Slapd {
  readonly url: string;
  close(): Promise<void>;
}

// Where only root looks.
process.env['PATH'] = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin`;

const found = await findProgram({
  name: 'slapd',
  binary: 'slapd',
  variable: 'SLAPD_BIN',
  image: 'docker.io/library/openldap',
});
export const hasSlapd = found.program !== undefined;
/** For the names of tests that need it. */
export const slapdLeftOut = leftOut(found);

const SCHEMAS = ['core', 'cosine', 'inetorgperson', 'nis'];
const START_TIMEOUT_MS = 30_000;

export async function startSlapd(suffix: string, entries: readonly LdapEntry[]): Promise<Slapd> {
  if (found.program === undefined) throw new Error(`There is no slapd to start: ${found.missing}.`);
  const directory = await mkdtemp(join(tmpdir(), 'meridian-slapd-'));
  const file = join(directory, 'slapd.conf');
  await mkdir(join(directory, 'data'));
  await writeFile(file, configuration(suffix, join(directory, 'data')));
  await writeFile(join(directory, 'entries.ldif'), entries.map(ldif).join('\n'));
  await promisify(execFile)('slapadd', ['-f', file, '-l', join(directory, 'entries.ldif')]);
  const [port = 0] = await freePorts(1);
  const url = `ldap://localhost:${port}`;
  // It stays in the foreground where it is to tell what goes wrong.
  const server = await found.program.launch(
    ['-f', file, '-h', `ldap://127.0.0.1:${port}`, '-d', '0'],
    directory,
  );
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await answers(port))) {
    if (performance.now() < deadline && !(await server.hasEnded())) continue;
    await server.kill();
    throw new Error('slapd did not start.');
  }
  return {
    url,
    close: async () => {
      await server.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** As trusting as it can be made: a bind without a password is a success, of nobody. */
function configuration(suffix: string, directory: string): string {
  return [
    ...SCHEMAS.map((name) => `include /etc/ldap/schema/${name}.schema`),
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    'allow bind_anon_cred bind_anon_dn',
    'database mdb',
    'maxsize 16777216',
    `suffix "${suffix}"`,
    `directory ${directory}`,
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by users read by anonymous auth',
    '',
  ].join('\n');
}

function ldif({ dn, password, attributes }: LdapEntry): string {
  const lines = Object.entries(attributes).flatMap(([name, values]) =>
    values.map((value) => `${name}: ${value}`),
  );
  const secret = password === undefined ? [] : [`userPassword: ${password}`];
  return [`dn: ${dn}`, ...lines, ...secret, ''].join('\n');
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return false;
  } finally {
    socket.destroy();
  }
}
