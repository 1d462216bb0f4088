import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findClient } from './client-program.ts';
import { startDaemon } from './daemon.ts';
import type { LdapEntry } from './ldap-server.ts';
import { freePorts } from './ports.ts';

/** OpenLDAP's server, with entries of the tests; its data are gone when it is closed. */
export interface Slapd {
  readonly url: string;
  close(): Promise<void>;
}

// Where only root looks.
process.env['PATH'] = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin`;

const program = findClient('slapd', ['-VV']);
const slapadd = findClient('slapadd', ['-VV']);
/** For the names of tests that need it. */
export const slapdLeftOut = program.leftOut;

const SCHEMAS = ['core', 'cosine', 'inetorgperson', 'nis'];

export async function startSlapd(suffix: string, entries: readonly LdapEntry[]): Promise<Slapd> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-slapd-'));
  const file = join(directory, 'slapd.conf');
  await mkdir(join(directory, 'data'));
  await writeFile(file, configuration(suffix, join(directory, 'data')));
  await writeFile(join(directory, 'entries.ldif'), entries.map(ldif).join('\n'));
  await slapadd.run(['-f', file, '-l', join(directory, 'entries.ldif')]);
  const [port = 0] = await freePorts(1);
  // With `-d` it stays in the foreground.
  const { stop } = await startDaemon('slapd', {
    args: ['-f', file, '-h', `ldap://127.0.0.1:${port}`, '-d', '0'],
    answers: () => connects(port),
  });
  return {
    url: `ldap://localhost:${port}`,
    close: async () => {
      await stop();
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

async function connects(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
