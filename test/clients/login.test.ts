import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basic, startGuardedCluster, until, type GuardedCluster } from '#test/support/guarded-cluster.ts';
import { loginClients, type Credentials } from '#test/support/login-clients.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { push, send } from '#test/support/registry-client.ts';
import { startTcpProxy, type TcpProxy } from '#test/support/tcp-proxy.ts';

const clients = await loginClients();
/** Each client's own: wrong passwords delay who tries again. */
const developer = (client: string): Credentials => ({
  name: `dev-${client}`,
  password: 'the password of a developer',
});
const REFUSED = /unauthorized|401|wrong|denied|authentication required|authorization failed/i;

let cluster: GuardedCluster;
let scratch: string;
/** What clients call the registry, whichever region is behind it. */
let address: TcpProxy;
let puller: Credentials;
let robot: Credentials;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'meridian-login-'));
  cluster = await startGuardedCluster();
  const change: GuardedCluster['change'] = (...asked) => cluster.change(...asked);
  for (const { name } of clients.filter(({ usable }) => usable))
    await change('PUT', `/users/dev-${name}`, { password: developer(name).password, groups: ['devs'] });
  await change('PUT', '/users/puller', {});
  const token = JSON.parse((await change('POST', '/tokens', { owner: 'puller' })).body.toString()) as Secret;
  const made = JSON.parse((await change('PUT', '/robots/ci', {})).body.toString()) as Secret;
  puller = { name: 'puller', password: token.secret };
  robot = { name: 'ci', password: made.secret };
  for (const [role, subject] of [
    ['developer', 'group:devs'],
    ['puller', 'user:puller'],
    ['puller', 'robot:ci'],
  ])
    await change('POST', '/bindings', { role, subject, repositories: 'team/**' });
  await writeImageLayout(join(scratch, 'app'), '1.0', { layerBytes: [100_000, 300], seed: 'login' });
  await push(cluster.registry('us'), 'team/app', '1.0', join(scratch, 'app'), cluster.admin);
  for (const region of ['us', 'eu', 'ap'])
    await until(async () => {
      const headers = basic(robot.name, robot.password);
      return (await send(cluster.registry(region), 'GET', '/v2/', { headers })).status === 200;
    });
  address = await startTcpProxy(portOf('us'));
}, 120_000);

afterAll(async () => {
  await address.close();
  for (const { stop } of clients) await stop?.();
  await cluster.dispose();
  await rm(scratch, { recursive: true, force: true });
});

interface Secret {
  readonly secret: string;
}

describe.each(clients)('$name logs in$leftOut', ({ name, usable, open }) => {
  const named = (repository: string): string => `127.0.0.1:${address.port}/${repository}`;
  const session = (who: string) => {
    const dir = join(scratch, `${name}-${who}`);
    mkdirSync(dir);
    return open(dir);
  };
  const it_ = it.skipIf(!usable);

  it_('is refused with a wrong password, and told so', async () => {
    const { login, pull } = session('wrong');
    const wrong = { ...developer(name), password: 'a wrong password' };
    const tried = login(named('').slice(0, -1), wrong).then(() => pull(named('team/app:1.0')));
    await expect(tried).rejects.toThrow(REFUSED);
  });

  it_('pulls and pushes in a private repository, in other regions than that of the login too', async () => {
    const { login, pull, push: pushes, logout } = session('dev');
    const registry = named('').slice(0, -1);
    await login(registry, developer(name));
    await pull(named('team/app:1.0'));
    await pushes(named('team/app:1.0'), named(`team/${name}:1.0`));
    await behind('eu');
    await pull(named(`team/${name}:1.0`));
    await pushes(named(`team/${name}:1.0`), named(`team/${name}:2.0`));
    await behind('us');
    for (const tag of ['1.0', '2.0']) {
      const path = `/v2/team/${name}/manifests/${tag}`;
      const { status } = await send(cluster.registry('ap'), 'HEAD', path, { headers: cluster.admin });
      expect(status).toBe(200);
    }
    await logout(registry);
    await expect(pull(named(`team/${name}:2.0`))).rejects.toThrow(REFUSED);
  });

  it_('may not push where it may only pull; tokens and robots’ secrets stand for passwords', async () => {
    for (const who of [puller, robot]) {
      const { login, pull, push: pushes } = session(who.name);
      await login(named('').slice(0, -1), who);
      await pull(named('team/app:1.0'));
      await expect(pushes(named('team/app:1.0'), named(`team/${name}-denied:1.0`))).rejects.toThrow(REFUSED);
    }
  });
});

/** Has another region behind the address, as a change of DNS does. */
async function behind(region: 'us' | 'eu'): Promise<void> {
  const { port } = address;
  await address.close();
  address = await startTcpProxy(portOf(region), port);
}

function portOf(region: string): number {
  return Number(cluster.registry(region).split(':')[1]);
}
