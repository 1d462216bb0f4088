import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRpcChannel } from '#libs/rpc/client.ts';
import { peerContract } from '#libs/rpc/contracts.ts';
import type { TlsFiles } from '#libs/tls/identity.ts';
import { makeCertificates } from '#test/support/certificates.ts';
import { greeting } from '#test/support/grpc-greeting.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { freePorts } from '#test/support/ports.ts';
import { open, pull, pullBlob, push, pushBlob, send } from '#test/support/registry-client.ts';
import { startSeparateRegion, tlsEnv, type SeparateRegion } from '#test/support/separate-region.ts';
import { runService, startService, type ServiceProcess } from '#test/support/service-process.ts';

const MEGABYTE = 1024 * 1024;
const soon = { timeout: 30_000, interval: 50 };

describe('a region of three processes beside one of one process, over mutual TLS', () => {
  let scratch: string;
  let coordinator: ServiceProcess;
  let us: SeparateRegion;
  let eu: ServiceProcess;
  let registries: Record<'us' | 'eu', string>;
  let tls: Record<'us' | 'eu', TlsFiles>;
  let secured: string[];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-separate-'));
    tls = makeCertificates(join(scratch, 'certificates'), ['us', 'eu']);
    const [etcdPort = 0, usPeer = 0, euPeer = 0, euRegistry = 0] = await freePorts(4);
    const etcd = `https://localhost:${etcdPort}`;
    const regions = `us=127.0.0.1:${usPeer},eu=localhost:${euPeer}`;
    coordinator = await startService('coordinator/main.ts', {
      MERIDIAN_LISTEN: `127.0.0.1:${etcdPort}`,
      MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
      ...tlsEnv('MERIDIAN_RPC_TLS', tls.us),
    });
    registries = { us: '', eu: `127.0.0.1:${euRegistry}` };
    [us, eu] = await Promise.all([
      startSeparateRegion({
        ...{ region: 'us', dataDir: join(scratch, 'us'), peerPort: usPeer, regions, etcd },
        tls: tls.us,
      }),
      startService('region.ts', {
        MERIDIAN_REGION: 'eu',
        MERIDIAN_LISTEN: registries.eu,
        MERIDIAN_PEER_LISTEN: `127.0.0.1:${euPeer}`,
        MERIDIAN_DATA_DIR: join(scratch, 'eu'),
        MERIDIAN_REGIONS: regions,
        MERIDIAN_ETCD: etcd,
        ...tlsEnv('MERIDIAN_PEER_TLS', tls.eu),
        ...tlsEnv('MERIDIAN_ETCD_TLS', tls.eu),
      }),
    ]);
    registries.us = us.registry;
    secured = [...Object.values(us.addresses), `127.0.0.1:${euPeer}`, `127.0.0.1:${etcdPort}`];
  });
  afterAll(async () => {
    await us.stop();
    await eu.stop();
    await coordinator.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it.each([
    ['us', 'eu'],
    ['eu', 'us'],
  ] as const)('pushed in %s, pulled from %s at once', async (from, to) => {
    const dir = join(scratch, `from-${from}`);
    const { digest } = await writeImageLayout(dir, '1.0', {
      layerBytes: [MEGABYTE, 12, 300_000],
      seed: from,
    });
    const pushed = await push(registries[from], `team/from-${from}`, '1.0', dir);
    expect(String(pushed.headers['meridian-durable-regions']).split(',').sort()).toEqual(['eu', 'us']);
    await expect(pull(registries[to], `team/from-${from}`, '1.0')).resolves.toMatchObject({ digest });
  });

  it('answers gRPC to nobody without a certificate of its authority', async () => {
    const { signal } = new AbortController();
    const strangers = makeCertificates(join(scratch, 'strangers'), ['us']);
    const { ca } = tls.us;
    for (const address of secured) {
      expect(await greeting(address, ca, tls.us), address).toBe('answered');
      expect(await greeting(address, ca, undefined), address).toBe('refused');
      expect(await greeting(address, ca, strangers.us), address).toBe('refused');
      const plaintext = openRpcChannel({ address });
      await expect(plaintext.client(peerContract).ping({}, { signal })).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
      plaintext.close();
    }
  });

  it('is not ready while the storage is away, and again once it is back', async () => {
    for (const service of ['frontend', 'replication'] as const) {
      await expect.poll(() => us.readiness(service), soon).toBe(200);
    }
    await us.process('storage').kill();
    for (const service of ['frontend', 'replication'] as const) {
      await expect.poll(() => us.readiness(service), soon).toBe(503);
    }
    const refused = await send(registries.us, 'POST', '/v2/team/away/blobs/uploads/');
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, expect.any(String)]);
    await us.start('storage');
    for (const service of ['frontend', 'replication'] as const) {
      await expect.poll(() => us.readiness(service), soon).toBe(200);
    }
    await pushBlob(registries.us, 'team/away', ...blobOf(1000));
  });

  it('goes on with what the front end has cached while replication restarts, never denies what is there, and recovers', async () => {
    const dir = join(scratch, 'kept');
    await writeImageLayout(dir, '1.0', { layerBytes: [MEGABYTE], seed: 'kept' });
    await push(registries.us, 'team/kept', '1.0', dir);
    await pull(registries.us, 'team/kept', '1.0');
    const tag = (): Promise<number> =>
      send(registries.us, 'GET', '/v2/team/kept/manifests/1.0').then(({ status }) => status);
    expect(await tag()).toBe(200);
    const killedAt = performance.now();
    await us.process('replication').kill();
    const atOnce = await tag();
    // Caches are good for three seconds without word from replication.
    if (performance.now() - killedAt < 2_000) expect(atOnce).toBe(200);
    const seen = new Set<number>();
    const watched = async (): Promise<number> => {
      const status = await tag();
      seen.add(status);
      return status;
    };
    await expect.poll(watched, soon).toBe(503);
    await us.start('replication');
    await expect.poll(watched, soon).toBe(200);
    expect([...seen].sort()).not.toContain(404);
    await push(registries.us, 'team/kept', '2.0', dir);
    await pull(registries.eu, 'team/kept', '2.0');
  });

  it('finishes a download that is under way when the front end is told to stop, and exits with 0', async () => {
    const [digest, bytes] = blobOf(32 * MEGABYTE);
    await pushBlob(registries.us, 'team/slow', digest, bytes);
    const answer = await open(registries.us, 'GET', `/v2/team/slow/blobs/${digest}`);
    expect(answer.statusCode).toBe(200);
    const stopped = us.process('frontend').stop();
    const isRefused = (): Promise<boolean> =>
      send(registries.us, 'GET', '/v2/', { headers: { connection: 'close' } }).then(
        () => false,
        () => true,
      );
    await expect.poll(isRefused, soon).toBe(true);
    const received: Buffer[] = [];
    for await (const chunk of answer as AsyncIterable<Buffer>) received.push(chunk);
    expect(Buffer.concat(received).equals(bytes)).toBe(true);
    expect(await stopped).toBe(0);
    await us.start('frontend');
    expect(await pullBlob(registries.us, 'team/slow', digest)).toBe(bytes.length);
  });

  it('stops cleanly, each service by itself', async () => {
    expect(await us.stop()).toEqual([0, 0, 0]);
    expect(await eu.stop()).toBe(0);
    expect(await coordinator.stop()).toBe(0);
  });
});

describe('with a wrong configuration', () => {
  const wrong = {
    'frontend/main.ts': { MERIDIAN_STORAGE: 'nowhere' },
    'storage/main.ts': { MERIDIAN_DATA_DIR: '/tmp/unused', MERIDIAN_LISTEN: 'nowhere' },
    'replication/main.ts': { MERIDIAN_REGIONS: 'us', MERIDIAN_ETCD: 'nowhere' },
    'coordinator/main.ts': { MERIDIAN_LISTEN: 'nowhere' },
    'region.ts': { MERIDIAN_REGIONS: 'us=127.0.0.1:1', MERIDIAN_STOP_GRACE_MS: 'long' },
  } as const;

  it.each(Object.entries(wrong))(
    'services/%s says which variable, and what was expected',
    async (entry, env) => {
      const region = entry === 'coordinator/main.ts' ? {} : { MERIDIAN_REGION: 'us' };
      const { code, errors } = await runService(entry, { ...region, ...env });
      expect(code).toBe(1);
      expect(errors).toContain('the configuration is wrong');
      for (const [variable, value] of Object.entries(env)) {
        if (value === 'nowhere' || value === 'long' || value === 'us')
          expect(errors).toMatch(new RegExp(`${variable} must be .+; it is "${value}"`));
      }
      expect(errors).not.toContain('    at ');
    },
  );

  it('does not take an address for a member of etcd with TLS', async () => {
    const { code, errors } = await runService('replication/main.ts', {
      MERIDIAN_REGION: 'us',
      MERIDIAN_REGIONS: 'us=127.0.0.1:1',
      MERIDIAN_ETCD: 'https://127.0.0.1:2379',
      MERIDIAN_DATA_DIR: '/tmp/unused',
    });
    expect([code, errors]).toEqual([1, expect.stringContaining('must be given with a host name')]);
  });
});

function blobOf(size: number): [digest: string, bytes: Buffer] {
  const bytes = randomBytes(size);
  return [`sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes];
}
