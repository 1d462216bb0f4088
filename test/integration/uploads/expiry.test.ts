import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRpcChannel } from '#libs/rpc/client.ts';
import { uploadsContract } from '#libs/rpc/contracts.ts';
import { freePorts } from '#test/support/ports.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';

const live = { signal: new AbortController().signal };
const soon = { timeout: 30_000, interval: 50 };
const repository = 'team/app';

describe('a storage process that is told when uploads expire', () => {
  let dataDir: string;
  let listen: string;
  let admin: string;
  let storage: ServiceProcess;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'meridian-expiry-'));
    const [port, adminPort] = await freePorts(2);
    listen = `127.0.0.1:${String(port)}`;
    admin = `127.0.0.1:${String(adminPort)}`;
    storage = await start('3600000');
  });
  afterAll(async () => {
    await storage.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  function start(expiryMs: string): Promise<ServiceProcess> {
    return startService('storage/main.ts', {
      MERIDIAN_REGION: 'us',
      MERIDIAN_LISTEN: listen,
      MERIDIAN_ADMIN_LISTEN: admin,
      MERIDIAN_DATA_DIR: dataDir,
      MERIDIAN_UPLOAD_EXPIRY_MS: expiryMs,
    });
  }

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`http://${admin}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)`, 'm').exec(text)?.[1]);
  }

  it('frees the bytes of those whose time has come, also of one that a crash half removed, and says so', async () => {
    const channel = openRpcChannel({ address: listen });
    const uploads = channel.client(uploadsContract);
    const { id } = await uploads.create({ repository, algorithm: '' }, live);
    const messages = async function* () {
      yield { target: { id, repository, offset: 0 } };
      yield { data: Buffer.alloc(1000) };
    };
    await uploads.write(messages(), live);
    await storage.kill();
    // As a crash leaves it between forgetting an upload and removing its file.
    await writeFile(join(dataDir, 'uploads', 'us.forgotten.upload'), 'bytes');

    storage = await start('1000');
    await expect.poll(() => readdir(join(dataDir, 'uploads')), soon).toEqual([]);
    const stat = (): Promise<string> =>
      uploads.stat({ id, repository, offset: -1 }, live).then(
        () => 'open',
        (error: unknown) => (error as { code: string }).code,
      );
    await expect.poll(stat, soon).toBe('BLOB_UPLOAD_UNKNOWN');
    await expect.poll(() => metric('meridian_uploads_expired_total'), soon).toBe(1);
    expect(await metric('meridian_uploads_expired_bytes_total')).toBe(1000);
    expect(await metric('meridian_uploads_open')).toBe(0);
    expect(storage.log()).toContain('"expired":{"uploads":1,"bytes":1000}');
    channel.close();
  });
});
