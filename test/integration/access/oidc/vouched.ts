import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import {
  basic,
  startGuardedCluster,
  until,
  type GuardedCluster,
  type Headers,
} from '#test/support/guarded-cluster.ts';
import { startOidcProvider, type OidcProvider } from '#test/support/oidc-provider.ts';
import { send, type Answer } from '#test/support/registry-client.ts';

/** Three regions, and a provider of OpenID Connect that they know as `corp`. */
export interface Vouched {
  readonly cluster: GuardedCluster;
  readonly provider: OidcProvider;
  /** Where the program keeps what it is to keep. */
  readonly home: string;
}

export interface LoggedIn {
  readonly name: string;
  readonly headers: Headers;
  readonly secret: string;
}

export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const launcher = join(import.meta.dirname, '../../../../services/cli/meridian.mjs');

/** For the top of a test file; the issuer is another one in each test. */
export function vouchedOfEachTest(): () => Vouched {
  let vouched: Vouched | undefined;
  const given = (): Vouched => vouched ?? expect.unreachable('no test runs');
  beforeAll(async () => {
    const provider = await startOidcProvider();
    const cluster = await startGuardedCluster([], { MERIDIAN_OIDC_HTTP: 'loopback' });
    const home = await mkdtemp(join(tmpdir(), 'meridian-home-'));
    vouched = { cluster, provider, home };
    await writeFile(join(home, 'client-secret'), `${provider.client.secret}\n`);
    await cluster.change('PUT', '/robots/builder', {});
    for (const subject of ['robot:builder', 'group:corp/devs'])
      await cluster.change('POST', '/bindings', { role: 'developer', subject, repositories: 'team/**' });
  }, 120_000);
  afterAll(async () => {
    const { cluster, provider, home } = given();
    await cluster.dispose();
    await provider.close();
    await rm(home, { recursive: true, force: true });
  });
  beforeEach(async () => {
    const { provider, home } = given();
    provider.person = { sub: '1', preferred_username: 'alice', groups: ['devs'] };
    provider.claimsIn = 'token';
    const client = ['--client-id', provider.client.id, '--client-secret-file', join(home, 'client-secret')];
    const about = ['--url', provider.url, ...client, '--groups-claim', 'groups'];
    expect((await asAdmin(given(), 'auth', 'issuers', 'add', 'corp', ...about)).err).toBe('');
    return async () => {
      expect((await asAdmin(given(), 'auth', 'issuers', 'remove', 'corp')).code).toBe(0);
    };
  });
  return given;
}

/** The command-line program against a region. */
export function program(
  { cluster, home }: Vouched,
  args: readonly string[],
  region: RegionName,
  env: Record<string, string> = {},
): ChildProcessByStdio<null, Readable, Readable> {
  const own = { MERIDIAN_URL: `http://${cluster.registry(region)}`, XDG_CONFIG_HOME: home, ...env };
  return spawn(launcher, args, { env: { ...process.env, ...own }, stdio: ['ignore', 'pipe', 'pipe'] });
}

export async function asAdmin(vouched: Vouched, ...args: string[]): Promise<Said> {
  const file = join(vouched.home, 'admin-password');
  await writeFile(file, vouched.cluster.password);
  const child = program(vouched, args, 'us', { MERIDIAN_USERNAME: 'admin', MERIDIAN_PASSWORD_FILE: file });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, out, err };
}

/** `meridian login --oidc`, with a browser whose way back from the issuer may lead to another region. */
export async function logIn(vouched: Vouched, region: RegionName, back = region): Promise<LoggedIn> {
  const { cluster, home } = vouched;
  const child = program(vouched, ['login', '--oidc', 'corp', '--no-browser', '--json'], region);
  const told = Promise.all([text(child.stdout), once(child, 'close')]);
  const page = await fetch(
    await browse(await firstPage(child), (url) =>
      url.replace(cluster.registry(region), cluster.registry(back)),
    ),
  );
  expect(await page.text()).toContain('You are logged in');
  const [out] = await told;
  const { name } = JSON.parse(out) as { name: string };
  const kept = JSON.parse(await readFile(join(home, 'meridian', 'credentials.json'), 'utf8')) as {
    registries: Record<string, { password: string }>;
  };
  const secret = kept.registries[`http://${cluster.registry(region)}`]?.password ?? '';
  return { name, secret, headers: basic(name, secret) };
}

/** The address that `meridian login --oidc` shows. */
export async function firstPage(child: { readonly stderr: Readable }): Promise<string> {
  const { value } = await createInterface({ input: child.stderr })[Symbol.asyncIterator]().next();
  return /http:\S+/.exec(String(value))?.[0] ?? expect.unreachable(String(value));
}

/** Follows redirects until they lead to the program's own page; gives its address. */
export async function browse(
  start: string,
  rerouted: (url: string) => string = (url) => url,
): Promise<string> {
  let url = start;
  for (let i = 0; i < 5; i++) {
    const answer = await fetch(url, { redirect: 'manual' });
    const location =
      answer.headers.get('location') ?? expect.unreachable(`${url}: ${answer.status} ${await answer.text()}`);
    if (/^http:\/\/127\.0\.0\.1:\d+\/\?/.test(location)) return location;
    url = location.includes('/callback?') ? rerouted(location) : location;
  }
  return expect.unreachable('too many redirects');
}

/** Of the beginning of a push there. */
export async function statusIn(
  { cluster }: Vouched,
  region: RegionName,
  headers: Headers,
  repository = 'team/app',
): Promise<number> {
  return (await send(cluster.registry(region), 'POST', `/v2/${repository}/blobs/uploads/`, { headers }))
    .status;
}

/** Waits for it. */
export async function everywhere(vouched: Vouched, headers: Headers, status: number): Promise<void> {
  for (const region of REGIONS)
    await until(async () => (await statusIn(vouched, region, headers)) === status);
}

/** Of a machine's token for one of the registry. */
export async function exchange({ cluster }: Vouched, region: RegionName, token: string): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    subject_token: token,
    scope: 'repository:team/app:pull,push',
  });
  return send(cluster.registry(region), 'POST', '/meridian/v1/token', { body: form.toString() });
}
