import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '#test/support/cluster.ts';
import { send } from '#test/support/registry-client.ts';
import { rankTest } from './measure/rank-test.ts';
import { spreadOf } from './measure/statistics.ts';

/*
 * Whether the time of an answer tells that there is something which the asker may not see: `node benchmarks/existence-by-time.ts [samples]`. Both
 * questions take turns, in an order that changes, so that what else the machine does meets both. Below four standard deviations nothing was found;
 * the last pair, of one who may see the repository, shows what would be.
 */

const SAMPLES = Number(process.argv[2] ?? 2000);
const PASSWORD = 'the administrator of the measurement';

const dir = await mkdtemp(join(tmpdir(), 'meridian-existence-'));
const file = join(dir, 'password');
await writeFile(file, PASSWORD);
const cluster = await startCluster({ args: ['--auth'], env: { MERIDIAN_ADMIN_PASSWORD_FILE: file } });
try {
  await measureAll(cluster.registry('us'));
} finally {
  await cluster.dispose();
  await rm(dir, { recursive: true, force: true });
}

async function measureAll(registry: string): Promise<void> {
  const admin = basic('admin', PASSWORD);
  while ((await send(registry, 'GET', '/v2/', { headers: admin })).status !== 200);
  const call = async (method: string, path: string, body: object = {}): Promise<string> => {
    const sent = { headers: admin, body: JSON.stringify(body) };
    return (await send(registry, method, `/meridian/v1/auth${path}`, sent)).body.toString();
  };
  await call('PUT', '/users/stranger');
  const { secret } = JSON.parse(await call('POST', '/tokens', { owner: 'stranger' })) as { secret: string };
  const stranger = basic('stranger', secret);
  for (const tag of ['latest', 'v2']) {
    const type = 'application/vnd.oci.image.index.v1+json';
    const body = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [], annotations: { tag } });
    await send(registry, 'PUT', `/v2/secret/aaaa/manifests/${tag}`, {
      headers: { ...admin, 'content-type': type },
      body,
    });
  }
  for (const [who, headers] of [
    ['nobody', {}],
    ['one who may not see it', stranger],
    ['one who may', admin],
  ] as const) {
    const timed = async (name: string): Promise<number> => {
      const start = performance.now();
      await send(registry, 'GET', `/v2/${name}/manifests/latest`, { headers: { ...headers } });
      return performance.now() - start;
    };
    const there: number[] = [];
    const nowhere: number[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      if (i % 2 === 0) there.push(await timed('secret/aaaa'));
      nowhere.push(await timed('secret/bbbb'));
      if (i % 2 === 1) there.push(await timed('secret/aaaa'));
    }
    const { z, greater } = rankTest(there, nowhere);
    const median = (times: readonly number[]): string => spreadOf(times).median.toFixed(3);
    console.log(
      `${who}: there ${median(there)} ms, not there ${median(nowhere)} ms; ${z.toFixed(1)} standard deviations, slower in ${(100 * greater).toFixed(1)} % of pairs`,
    );
  }
}

function basic(name: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
}
