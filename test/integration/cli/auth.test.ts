import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { BOB, COMPANY, companySettings, SERVICE } from '#test/support/company-directory.ts';
import { basic, startGuardedCluster, type GuardedCluster } from '#test/support/guarded-cluster.ts';
import { startLdapServer } from '#test/support/ldap-server.ts';
import { readTable } from '#test/support/meridian-program.ts';
import { send } from '#test/support/registry-client.ts';

const launcher = join(import.meta.dirname, '../../../services/cli/meridian.mjs');

let cluster: GuardedCluster;
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'meridian-home-'));
  const password = join(home, 'ldap-password');
  await writeFile(password, `${SERVICE.password}\n`);
  cluster = await startGuardedCluster([], { MERIDIAN_LDAP_PASSWORD_FILE: password });
}, 120_000);
afterAll(async () => {
  await cluster.dispose();
  await rm(home, { recursive: true, force: true });
});

/** As someone with that home, with lines of standard input. */
async function meridian(
  input: readonly string[],
  ...args: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const env = { ...process.env, MERIDIAN_URL: `http://${cluster.registry('us')}`, XDG_CONFIG_HOME: home };
  const program = spawn(launcher, args, { env, stdio: 'pipe' });
  program.stdin.end(input.map((line) => `${line}\n`).join(''));
  const closed = new Promise((resolve) => program.once('close', resolve));
  const [out, err] = await Promise.all([text(program.stdout), text(program.stderr), closed]);
  return { code: program.exitCode, out, err };
}

it('an administrator logs in, makes users and robots, and gives them roles; each answer says what is so', async () => {
  const before = await meridian([], 'status');
  expect([before.code, before.err]).toEqual([1, expect.stringContaining('login')]);
  expect((await meridian(['admin', 'a wrong password'], 'login')).code).toBe(1);
  const login = await meridian(['admin', cluster.password], 'login');
  expect(login.out).toContain('admin is logged in');
  const file = join(home, 'meridian', 'credentials.json');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).toContain('admin');

  expect((await meridian([], 'status')).code).toBe(0);
  expect(
    (await meridian(['a password of alice'], 'auth', 'users', 'add', 'alice', '--group', 'staff')).code,
  ).toBe(0);
  const robot = await meridian([], 'auth', 'robots', 'add', 'ci', '--json');
  expect(JSON.parse(robot.out)).toMatchObject({
    name: 'ci',
    secret: expect.stringMatching(/^meridian_robot_/) as unknown,
  });
  const granted = await meridian([], 'auth', 'grant', 'developer', 'group:staff', 'team/**', '--json');
  const { id } = JSON.parse(granted.out) as { id: string };
  expect(readTable((await meridian([], 'auth', 'users')).out, 'NAME', 'GROUPS')).toEqual([
    expect.objectContaining({ NAME: 'admin' }),
    expect.objectContaining({ NAME: 'alice', GROUPS: 'staff' }),
  ]);
  const can = await meridian([], 'auth', 'can', 'alice', 'push', 'team/app');
  expect([can.code, can.out]).toEqual([0, expect.stringMatching(/^yes: .*group staff/)]);
  expect((await meridian([], 'auth', 'can', 'alice', 'retag', 'team/app')).code).toBe(1);
  expect((await meridian([], 'auth', 'revoke', id)).code).toBe(0);
  const cannot = await meridian([], 'auth', 'can', 'alice', 'push', 'team/app');
  expect([cannot.code, cannot.out]).toEqual([1, expect.stringMatching(/^no: /)]);
  expect((await meridian([], 'auth', 'users', 'remove', 'admin')).err).toContain('administrator');

  const token = JSON.parse(
    (await meridian([], 'auth', 'tokens', 'add', '--allow', 'pull:team/**', '--json')).out,
  ) as { id: string };
  expect(readTable((await meridian([], 'auth', 'tokens')).out, 'ID', 'ALLOWS')).toEqual([
    expect.objectContaining({ ID: token.id, ALLOWS: 'pull:team/**' }),
  ]);
  expect((await meridian([], 'logout')).code).toBe(0);
  expect((await meridian([], 'auth', 'whoami')).code).toBe(1);
}, 180_000);

it('an administrator names a directory, whose users then log in with their passwords, in each region', async () => {
  const server = await startLdapServer({ entries: COMPANY });
  onTestFinished(() => server.close());
  const file = join(home, 'directory.json');
  await writeFile(file, JSON.stringify(companySettings(server.url)));
  expect((await meridian(['admin', cluster.password], 'login')).code).toBe(0);
  const set = await meridian([], 'auth', 'directories', 'set', 'corp', '--file', file);
  expect([set.out, set.err]).toEqual([expect.stringContaining('corp is set'), '']);
  const listed = await meridian([], 'auth', 'directories');
  expect(readTable(listed.out, 'NAME', 'SERVERS')).toEqual([
    expect.objectContaining({ NAME: 'corp', SERVERS: server.url }),
  ]);
  const authorization = basic(BOB.name, BOB.password);
  for (const region of ['us', 'eu', 'ap']) {
    const answer = await send(cluster.registry(region), 'GET', '/meridian/v1/auth/self', {
      headers: authorization,
    });
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      name: 'bob',
      groups: ['corp/devs', 'corp/ops'],
    });
  }
  expect((await meridian([], 'auth', 'directories', 'remove', 'corp')).code).toBe(0);
  const gone = await send(cluster.registry('us'), 'GET', '/v2/', { headers: authorization });
  expect(gone.status).toBe(401);
});
