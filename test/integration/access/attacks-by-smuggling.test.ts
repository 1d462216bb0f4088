import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loggedRequests } from '#test/support/access-log.ts';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { nginx, startNginx, type Nginx } from '#test/support/nginx.ts';
import { send } from '#test/support/registry-client.ts';
import { innerRequest, SMUGGLINGS } from './smuggled.ts';

/*
 * Request smuggling: one request holds another, in a place where a parser finds it that ends the first one sooner. Fails where the front end
 * answers what was part of a body, or of a request that can't be read.
 */

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.dispose());

/** Sends all of it and hangs up; what comes back until the other side does so too, or says nothing for long. */
async function exchange(registry: string, text: string): Promise<string> {
  const [host = '', port] = registry.split(':');
  const socket = connect({ host, port: Number(port) });
  let received = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
  socket.on('error', () => undefined).end(text, 'latin1');
  const timer = setTimeout(() => socket.destroy(), 5_000);
  await once(socket, 'close');
  clearTimeout(timer);
  return received;
}

/** nginx takes a bare line feed for a chunk's end: these are two requests to it, and to the front end, which gets them from it as such. */
const TWO_TO_NGINX = 'a chunk that ends in a bare line feed';

async function smuggledTo(registry: string, through: string): Promise<void> {
  let secondOfTwo: string | undefined;
  for (const [i, { name, text }] of SMUGGLINGS.entries()) {
    const path = `/v2/smuggled/${through}-${i}/tags/list`;
    if (through === 'nginx' && name === TWO_TO_NGINX) secondOfTwo = path;
    const received = await exchange(registry, text(innerRequest(path)));
    expect(received.split(/HTTP\/1\.\d (?=[2-5])/).length - 1, `${name}: ${received}`).toBeLessThanOrEqual(2);
    // The next one who comes the same way gets the answer to his own question.
    const victim = await send(registry, 'GET', '/v2/');
    expect([name, victim.status]).toEqual([name, 200]);
  }
  await send(registry, 'GET', `/v2/smuggled/${through}-control/tags/list`);
  const reached = async (): Promise<string[]> =>
    (await loggedRequests(cluster.dataDir, 'us', 'smuggled'))
      .map((request) => request.path)
      .filter((path) => path.includes(`/${through}-`) && path !== secondOfTwo);
  await expect.poll(reached).toContain(`/v2/smuggled/${through}-control/tags/list`);
  expect(await reached()).toEqual([`/v2/smuggled/${through}-control/tags/list`]);
}

it('the front end itself finds no request in another', async () => {
  await smuggledTo(cluster.registry('us'), 'direct');
}, 300_000);

describe.skipIf(!nginx.usable)(`behind nginx${nginx.leftOut}`, () => {
  let scratch: string;
  let proxy: Nginx;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-smuggling-'));
    const storageDir = join(cluster.dataDir, 'us', 'storage');
    proxy = await startNginx({ frontend: cluster.registry('us'), storageDir, seenDir: storageDir, scratch });
  });
  afterAll(async () => {
    await proxy.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('both find the same requests', async () => {
    await smuggledTo(proxy.registry, 'nginx');
  }, 300_000);

  it('no header of a client makes nginx send a file', async () => {
    for (const headers of [
      { 'x-accel-redirect': '/meridian-blobs/etc/passwd' },
      { 'meridian-accel': 'off', 'x-sendfile': '/etc/passwd' },
    ]) {
      for (const path of [
        '/v2/',
        '/meridian-blobs/',
        '/meridian-blobs/var/lib/meridian/blobs/../../../etc/passwd',
      ]) {
        const answer = await send(proxy.registry, 'GET', path, { headers });
        expect(answer.body.toString()).not.toContain('root:');
        expect([200, 400, 404]).toContain(answer.status);
      }
    }
  });
});
