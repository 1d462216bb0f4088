import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { freePorts } from '#test/support/ports.ts';
import { send, type Answer } from '#test/support/registry-client.ts';
import { SERVICES, startSeparateRegion, type SeparateRegion } from '#test/support/separate-region.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';

export const soon = { timeout: 30_000, interval: 50 };
export const repository = 'team/app';

/** The region us as processes of its own, with two front ends, and the region eu as one process. */
export interface UploadRegions {
  readonly us: SeparateRegion;
  /** `host:port` of each front end. */
  readonly frontends: Readonly<Record<'first' | 'second' | 'eu', string>>;
  /** Bytes that us has of an upload, flushed or not. */
  bytesOnDisk(id: string): Promise<number>;
  /** Ends all of us as a power cut would, but for what the disk has not written yet. */
  killUs(): Promise<void>;
  startUs(): Promise<void>;
  stop(): Promise<void>;
}

export async function startUploadRegions(): Promise<UploadRegions> {
  const scratch = await mkdtemp(join(tmpdir(), 'meridian-uploads-'));
  const ports = await freePorts(5);
  const [coordinatorAt = '', usPeer = '', euPeer = '', eu = '', second = ''] = ports.map(
    (port) => `127.0.0.1:${port}`,
  );
  const cluster = { regions: `us=${usPeer},eu=${euPeer}`, etcd: `http://${coordinatorAt}` };
  const coordinator = await startService('coordinator/main.ts', {
    MERIDIAN_LISTEN: coordinatorAt,
    MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
  });
  const [us, euProcess] = await Promise.all([
    startSeparateRegion({
      ...{ ...cluster, region: 'us', dataDir: join(scratch, 'us') },
      ...{ peerPort: ports[1] ?? 0, tls: undefined },
    }),
    startService('region.ts', {
      MERIDIAN_REGION: 'eu',
      MERIDIAN_LISTEN: eu,
      MERIDIAN_PEER_LISTEN: euPeer,
      MERIDIAN_DATA_DIR: join(scratch, 'eu'),
      MERIDIAN_REGIONS: cluster.regions,
      MERIDIAN_ETCD: cluster.etcd,
    }),
  ]);
  const startSecond = (): Promise<ServiceProcess> =>
    startService('frontend/main.ts', {
      MERIDIAN_REGION: 'us',
      MERIDIAN_LISTEN: second,
      MERIDIAN_STORAGE: us.addresses.storage,
      MERIDIAN_REPLICATION: us.addresses.replication,
    });
  let secondFrontend = await startSecond();
  return {
    us,
    frontends: { first: us.registry, second, eu },
    bytesOnDisk: (id) =>
      stat(join(scratch, 'us', 'storage', 'uploads', id)).then(
        ({ size }) => size,
        () => 0,
      ),
    killUs: async () => {
      await Promise.all([...SERVICES.map((service) => us.process(service).kill()), secondFrontend.kill()]);
    },
    startUs: async () => {
      for (const service of SERVICES) await us.start(service);
      secondFrontend = await startSecond();
    },
    stop: async () => {
      await secondFrontend.stop();
      await us.stop();
      await euProcess.stop();
      await coordinator.stop();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

/** Opens an upload and gives its location. */
export async function startUpload(registry: string, query = ''): Promise<string> {
  const opened = await send(registry, 'POST', `/v2/${repository}/blobs/uploads/${query}`);
  expect(opened.status).toBe(202);
  return String(opened.headers.location);
}

export function idOf(location: string): string {
  return location.split('/').at(-1) ?? '';
}

export function patch(registry: string, location: string, bytes: Buffer, start: number): Promise<Answer> {
  const headers = { 'content-range': `${start}-${start + bytes.length - 1}` };
  return send(registry, 'PATCH', location, { body: bytes, headers });
}

/** Where an upload stands, as GET tells it. */
export async function offsetOf(registry: string, location: string): Promise<number> {
  const status = await send(registry, 'GET', location);
  expect([status.status, status.headers.location]).toEqual([204, location]);
  const range = String(status.headers.range);
  return range === '0-0' ? 0 : Number(range.slice(2)) + 1;
}

/** Goes on from where the upload stands, as clients do: ask, send the rest, and ask again where that was refused. */
export async function resume(registry: string, location: string, bytes: Buffer): Promise<void> {
  const attempt = async (): Promise<number> => {
    const offset = await offsetOf(registry, location);
    const { status } = await patch(registry, location, bytes.subarray(offset), offset);
    expect([202, 409, 416]).toContain(status);
    return status;
  };
  await expect.poll(attempt, soon).toBe(202);
}

/** A PATCH that has sent the bytes, says that more will come, and sends nothing more. */
export function openPatch(registry: string, location: string, bytes: Buffer): { hangUp(): void } {
  const outgoing = request(`http://${registry}${location}`, { method: 'PATCH' });
  outgoing.on('error', () => undefined).on('response', (response) => response.resume());
  outgoing.write(bytes);
  return { hangUp: () => void outgoing.destroy() };
}
