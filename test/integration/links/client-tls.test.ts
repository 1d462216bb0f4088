import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyPairFiles } from '#libs/tls/identity.ts';
import { makeCertificates } from '#test/support/certificates.ts';
import { basic, until } from '#test/support/guarded-cluster.ts';
import { startLoneRegion, type LoneRegion } from '#test/support/lone-region.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { send } from '#test/support/registry-client.ts';
import { hasSkopeo, skopeo, skopeoLeftOut } from '#test/support/skopeo.ts';
import { createTlsClient, type TlsClient } from '#test/support/tls-client.ts';

const PASSWORD = 'the administrator of the tests';
const ADMIN = basic('admin', PASSWORD);
const soon = { timeout: 30_000, interval: 100 };

describe('a front end with TLS', () => {
  let scratch: string;
  let region: LoneRegion;
  /** Where the region looks for its certificate. */
  let live: KeyPairFiles;
  /** Authorities and pairs, each of its own making. */
  let pairs: readonly { readonly ca: string; readonly registry: KeyPairFiles }[];
  const install = ({ cert, key }: KeyPairFiles): void => {
    copyFileSync(key, live.key);
    copyFileSync(cert, live.cert);
  };
  const pair = (i: number): (typeof pairs)[number] => {
    const found = pairs[i];
    if (found === undefined) throw new Error(`There is no pair ${i}.`);
    return found;
  };
  const serialOf = (i: number): string =>
    new X509Certificate(readFileSync(pair(i).registry.cert)).serialNumber;
  const client = (): TlsClient =>
    createTlsClient(
      region.registry,
      pairs.map(({ ca }) => readFileSync(ca)),
    );
  /** What a new connection is shown. */
  const shown = async (): Promise<string> => {
    const fresh = client();
    await fresh.send('GET', '/v2/');
    fresh.close();
    return fresh.serial();
  };

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-tls-'));
    pairs = [0, 1, 2].map((i) => makeCertificates(join(scratch, `certificates-${i}`), ['us']).us);
    mkdirSync(join(scratch, 'live'));
    live = { cert: join(scratch, 'live', 'tls.crt'), key: join(scratch, 'live', 'tls.key') };
    install(pair(0).registry);
    writeFileSync(join(scratch, 'password'), PASSWORD);
    region = await startLoneRegion(scratch, {
      MERIDIAN_AUTH: 'on',
      MERIDIAN_ADMIN_PASSWORD_FILE: join(scratch, 'password'),
      MERIDIAN_HTTP_TLS_CERT: live.cert,
      MERIDIAN_HTTP_TLS_KEY: live.key,
    });
    const asker = client();
    await until(async () => (await asker.send('GET', '/v2/', { headers: ADMIN })).status === 200);
    asker.close();
  });
  afterAll(async () => {
    await region.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('speaks HTTP/1.1 over TLS 1.3 or 1.2, and nothing older', async () => {
    const offered = { ALPNProtocols: ['h2', 'http/1.1'] };
    expect(await spoken(region.registry, offered)).toEqual(['TLSv1.3', 'http/1.1']);
    expect(await spoken(region.registry, { ...offered, maxVersion: 'TLSv1.2' })).toEqual([
      'TLSv1.2',
      'http/1.1',
    ]);
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(spoken(region.registry, old)).rejects.toThrow(/alert|version/i);
  });

  it('hangs up on whoever speaks plain HTTP, and goes on', async () => {
    await expect(send(region.registry, 'GET', '/v2/')).rejects.toThrow();
    expect(await shown()).toBe(serialOf(0));
  });

  it('sends clients to log in by HTTPS', async () => {
    const asker = client();
    const refused = await asker.send('GET', '/v2/');
    asker.close();
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining(`realm="https://${region.registry}/meridian/v1/token"`),
    ]);
  });

  it.skipIf(!hasSkopeo)(`skopeo pushes and pulls, and checks the certificate${skopeoLeftOut}`, async () => {
    const [image, trusted] = [join(scratch, 'image'), join(scratch, 'trusted')];
    await writeImageLayout(image, '1.0', { layerBytes: [300_000], seed: 'tls' });
    mkdirSync(trusted);
    copyFileSync(pair(0).ca, join(trusted, 'ca.crt'));
    const there = `docker://${region.registry}/team/tls:1.0`;
    const credentials = `admin:${PASSWORD}`;
    await skopeo('copy', '--dest-cert-dir', trusted, '--dest-creds', credentials, `oci:${image}:1.0`, there);
    await skopeo(
      'copy',
      '--src-cert-dir',
      trusted,
      '--src-creds',
      credentials,
      there,
      `oci:${image}-back:1.0`,
    );
    const unchecked = skopeo('inspect', '--creds', credentials, there);
    await expect(unchecked).rejects.toThrow(/certificate/);
  });

  it('shows a renewed certificate to new connections, while those that are there go on', async () => {
    const asker = client();
    const bytes = randomBytes(24 * 1024 * 1024);
    const path = await pushed(asker, bytes);
    const reading = await asker.open('GET', path, { headers: ADMIN });
    expect([reading.statusCode, asker.serial()]).toEqual([200, serialOf(0)]);
    install(pair(1).registry);
    await expect.poll(shown, soon).toBe(serialOf(1));
    const hash = createHash('sha256');
    for await (const chunk of reading as AsyncIterable<Buffer>) hash.update(chunk);
    expect(path).toContain(hash.digest('hex'));
    expect((await asker.send('HEAD', path, { headers: ADMIN })).status).toBe(200);
    expect(asker.serial()).toBe(serialOf(0));
    asker.close();
  });

  it.each([
    ['a key of another', () => copyFileSync(pair(2).registry.cert, live.cert), 'does not belong to'],
    ['what is no certificate', () => writeFileSync(live.cert, 'nothing'), 'holds no certificate in PEM'],
    ['no key', () => writeFileSync(live.key, ''), 'holds no private key in PEM'],
  ])('refuses %s in a sentence, and keeps what it had', async (_what, spoil, sentence) => {
    install(pair(1).registry);
    spoil();
    await expect.poll(() => region.process.log(), soon).toContain(sentence);
    expect(await shown()).toBe(serialOf(1));
    expect(region.process.log()).not.toContain('PRIVATE KEY');
  });

  it('looks at once when it is sent SIGHUP, and takes a pair that follows a wrong one', async () => {
    install(pair(2).registry);
    process.kill(region.process.pid, 'SIGHUP');
    await expect.poll(shown, soon).toBe(serialOf(2));
  });
});

async function spoken(registry: string, options: ConnectionOptions): Promise<unknown[]> {
  const port = Number(registry.split(':')[1]);
  const socket: TLSSocket = connect({ port, host: 'localhost', rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  const agreed = [socket.getProtocol(), socket.alpnProtocol];
  socket.destroy();
  return agreed;
}

/** Gives the blob's path. */
async function pushed(client: TlsClient, bytes: Buffer): Promise<string> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const opened = await client.send('POST', '/v2/team/large/blobs/uploads/', { headers: ADMIN });
  const upload = new URL(opened.headers.location ?? '', 'https://registry.test');
  upload.searchParams.set('digest', digest);
  const sent = { headers: ADMIN, body: bytes };
  expect((await client.send('PUT', `${upload.pathname}${upload.search}`, sent)).status).toBe(201);
  return `/v2/team/large/blobs/${digest}`;
}
