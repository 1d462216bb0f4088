import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isErrorCode } from '#libs/oci/errors.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { freePorts } from '#test/support/ports.ts';
import { pull, push, send, type Answer } from '#test/support/registry-client.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';
import { choiceOf } from '#test/support/choice.ts';
import { openRawConnection } from '#test/support/raw-connection.ts';
import { randomRequest, type FuzzRequest } from './requests.ts';

/*
 * MERIDIAN_FUZZ_SEED repeats the run that a failure names, MERIDIAN_FUZZ_CASES makes it longer.
 */
const SEED = Number(process.env['MERIDIAN_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
const CASES = Number(process.env['MERIDIAN_FUZZ_CASES'] ?? 3000);
const WORKERS = 8;

/** What the process may need at most while it is sent nonsense; it has a small young generation, but pages of code are counted, too. */
const MAX_MEMORY_GROWTH_BYTES = 120 * 1024 * 1024;

let scratch: string;
let coordinator: ServiceProcess;
let region: ServiceProcess;
let registry: string;
let admin: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'meridian-fuzz-'));
  const ports = (await freePorts(4)).map((port) => `127.0.0.1:${port}`);
  const [etcd = '', peer = ''] = ports;
  [registry = '', admin = ''] = ports.slice(2);
  coordinator = await startService('coordinator/main.ts', {
    MERIDIAN_LISTEN: etcd,
    MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
  });
  region = await startService('region.ts', {
    MERIDIAN_REGION: 'us',
    MERIDIAN_LISTEN: registry,
    MERIDIAN_ADMIN_LISTEN: admin,
    MERIDIAN_PEER_LISTEN: peer,
    MERIDIAN_DATA_DIR: join(scratch, 'us'),
    MERIDIAN_REGIONS: `us=${peer}`,
    MERIDIAN_ETCD: `http://${etcd}`,
  });
});
afterAll(async () => {
  await region.stop();
  await coordinator.stop();
  await rm(scratch, { recursive: true, force: true });
});

it(`answers ${CASES} requests that are not as they should be, stores nothing and goes on (seed ${SEED})`, async () => {
  await tryRange(0, Math.min(300, CASES));
  const memoryBytes = await region.peakMemoryBytes();
  await tryRange(Math.min(300, CASES), CASES);
  expect((await region.peakMemoryBytes()) - memoryBytes).toBeLessThan(MAX_MEMORY_GROWTH_BYTES);

  expect(JSON.parse((await send(registry, 'GET', '/v2/_catalog')).body.toString())).toEqual({
    repositories: [],
  });
  const metrics = (await send(admin, 'GET', '/metrics')).body.toString();
  expect(metrics).toMatch(/^meridian_storage_blobs(?:\{.*\})? 0$/m);
  const faults = region
    .log()
    .split('\n')
    .filter((line) => /"level":(?:50|60|"error"|"fatal")|should not/.test(line));
  expect(faults).toEqual([]);

  const dir = join(scratch, 'image');
  const { digest } = await writeImageLayout(dir, '1.0', { layerBytes: [1000, 200_000], seed: 'after' });
  await push(registry, 'team/app', '1.0', dir);
  await expect(pull(registry, 'team/app', '1.0')).resolves.toMatchObject({ digest });
}, 600_000);

/** Tries the cases from `start` on, several at a time; each depends on the seed and its number alone, but for the upload it may write to. */
async function tryRange(start: number, end: number): Promise<void> {
  let next = start;
  const work = async (): Promise<void> => {
    const upload = await openUpload();
    for (let number = next++; number < end; number = next++) {
      const request = randomRequest(choiceOf(SEED + number * 7919), upload);
      await tryCase(request).catch((error: unknown) => {
        throw new Error(`seed ${SEED}, case ${number}: ${String(error)}\n${shown(request)}`, {
          cause: error,
        });
      });
    }
    await send(registry, 'DELETE', `/v2/a/blobs/uploads/${upload}`);
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
}

async function openUpload(): Promise<string> {
  const { headers } = await send(registry, 'POST', '/v2/a/blobs/uploads/');
  return String(headers['docker-upload-uuid']);
}

async function tryCase({ method, bytes, framing }: FuzzRequest): Promise<void> {
  const connection = openRawConnection(registry);
  try {
    connection.send(bytes);
    // Who hangs up while he is answered may get no answer.
    if (framing === 'open') connection.end();
    const answer = await connection.next(method);
    if (answer === undefined && framing === 'open') return;
    if (answer === undefined) throw new Error('the connection was closed without an answer');
    await check(answer, method);
    if (framing === 'sound' && !isClosing(answer)) {
      connection.send(Buffer.from('GET /v2/ HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n'));
      expect((await connection.next('GET'))?.status, 'the next request on the connection').toBe(200);
    } else connection.end();
    // What cannot be read may be answered as several requests, each of them properly.
    for (let rest = await connection.next(''); rest !== undefined; rest = await connection.next('')) {
      if (framing === 'sound')
        throw new Error(`an answer that nobody asked for: ${rest.status} ${rest.body.toString()}`);
      await check(rest, '');
    }
  } finally {
    connection.destroy();
  }
}

async function check(answer: Answer, method: string): Promise<void> {
  const { status, headers, body } = answer;
  expect(status, body.toString()).toBeLessThan(500);
  if (status === 405) expect(headers.allow).toBeDefined();
  const location = headers.location ?? '';
  if (status === 202 && location.includes('/uploads/') && !location.includes('/a/blobs/'))
    await send(registry, 'DELETE', location);
  if (status < 400) return;
  expect(headers['content-type']).toBe('application/json');
  if (method === 'HEAD') {
    expect(Number(headers['content-length'])).toBeGreaterThan(0);
    return;
  }
  const told = JSON.parse(body.toString()) as { errors: { code: string; message: string }[] };
  expect(Object.keys(told)).toEqual(['errors']);
  expect(told.errors).toHaveLength(1);
  for (const { code, message } of told.errors) {
    expect(isErrorCode(code) && code !== 'INTERNAL', code).toBe(true);
    expect(message).toMatch(/^[^]{10,1000}[.?]$/);
  }
}

function isClosing({ headers }: Answer): boolean {
  return headers.connection === 'close';
}

function shown({ bytes }: FuzzRequest): string {
  return JSON.stringify(bytes.toString('latin1', 0, 600));
}
