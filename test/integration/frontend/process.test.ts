import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  catalogContract,
  storageContract,
  transferContract,
  uploadsContract,
  type Storage,
} from '#libs/rpc/contracts.ts';
import { createRpcServer, type RpcServer } from '#libs/rpc/server.ts';
import { collect, eventually, sha256, someBytes } from '#test/contract/frontend/harness.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { open, pushBlob, send } from '#test/support/registry-client.ts';

const entry = join(import.meta.dirname, '../../../services/frontend/main.ts');
const SIZE = 3_000_000;

interface FrontendProcess {
  readonly child: ChildProcess;
  readonly registry: string;
  readonly admin: string;
  output(): string;
}

async function startProcess(env: Record<string, string>): Promise<FrontendProcess> {
  const child = run(env);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [message] = (await once(child, 'message')) as [{ port: number; adminPort: number }];
  return {
    child,
    registry: `127.0.0.1:${message.port}`,
    admin: `127.0.0.1:${message.adminPort}`,
    output: () => text,
  };
}

function run(env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [entry], {
    env: { PATH: process.env['PATH'], MERIDIAN_REGION: 'us', MERIDIAN_LISTEN: '127.0.0.1:0', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

describe('a front end of its own process', () => {
  const { us } = memoryRegions('us');
  const reads = { running: 0, hold: Promise.resolve() };
  let storage: RpcServer;
  let replication: RpcServer;
  let frontend: FrontendProcess;

  beforeAll(async () => {
    const watched: Storage = {
      ...us.storage,
      async *read(request, context) {
        reads.running += 1;
        try {
          for await (const chunk of us.storage.read(request, context)) {
            yield chunk;
            await Promise.race([reads.hold, once(context.signal, 'abort')]);
            context.signal.throwIfAborted();
          }
        } finally {
          reads.running -= 1;
        }
      },
    };
    const onFault = (error: unknown): never => {
      throw error;
    };
    storage = createRpcServer({ onFault });
    storage.add(storageContract, watched);
    storage.add(uploadsContract, us.uploads);
    replication = createRpcServer({ onFault });
    replication.add(uploadsContract, us.remoteUploads);
    replication.add(catalogContract, us.catalog.catalog);
    replication.add(transferContract, us.transfer.transfer);
    frontend = await startProcess({
      MERIDIAN_ADMIN_LISTEN: '127.0.0.1:0',
      MERIDIAN_STORAGE: `127.0.0.1:${await storage.listen('127.0.0.1:0')}`,
      MERIDIAN_REPLICATION: `127.0.0.1:${await replication.listen('127.0.0.1:0')}`,
    });
  });
  afterAll(async () => {
    frontend.child.kill('SIGKILL');
    await Promise.all([storage.close(0), replication.close(0)]);
  });

  it('takes and serves blobs, logs each request, and counts it', async () => {
    const bytes = someBytes(SIZE);
    const digest = sha256(bytes);
    await pushBlob(frontend.registry, 'team/app', digest, bytes);
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const got = await send(frontend.registry, 'GET', `/v2/team/app/blobs/${digest}`, { headers });
    expect(got.body.equals(bytes)).toBe(true);
    await eventually(() => frontend.output().includes('"method":"GET"'));
    const line =
      frontend
        .output()
        .split('\n')
        .find((text) => text.includes('"method":"GET"')) ?? '';
    expect(JSON.parse(line)).toMatchObject({
      service: 'frontend',
      region: 'us',
      route: '/v2/<name>/blobs/<digest>',
      repository: 'team/app',
      status: 200,
      bytesOut: SIZE,
      trace_id: traceId,
    });
    const metrics = (await send(frontend.admin, 'GET', '/metrics')).body.toString();
    expect(metrics).toMatch(
      /meridian_http_requests_total\{[^}]*route="\/v2\/<name>\/blobs\/<digest>"[^}]*\} \d/,
    );
  });

  it('is ready while its services answer', async () => {
    expect((await send(frontend.admin, 'GET', '/readyz')).status).toBe(200);
    const lonely = await startProcess({
      MERIDIAN_ADMIN_LISTEN: '127.0.0.1:0',
      MERIDIAN_STORAGE: 'unix:/nowhere/storage',
      MERIDIAN_REPLICATION: 'unix:/nowhere/replication',
    });
    const ready = await send(lonely.admin, 'GET', '/readyz');
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.body.toString())).toMatchObject({
      dependencies: { storage: { ready: false }, replication: { ready: false } },
    });
    const answer = await send(lonely.registry, 'GET', '/v2/a/manifests/x');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    lonely.child.kill('SIGTERM');
    expect(await once(lonely.child, 'exit')).toEqual([0, null]);
  });

  it('ends the reading in storage when the client goes away', async () => {
    const bytes = someBytes(SIZE);
    await pushBlob(frontend.registry, 'team/app', sha256(bytes), bytes);
    reads.hold = new Promise(() => undefined);
    const client = new AbortController();
    const path = `/v2/team/app/blobs/${sha256(bytes)}`;
    const whole = open(frontend.registry, 'GET', path, { signal: client.signal }).then(
      (answer) => collect(answer).whole,
    );
    whole.catch(() => undefined);
    await eventually(() => reads.running === 1);
    client.abort();
    await expect(whole).rejects.toThrow();
    await eventually(() => reads.running === 0);
  });

  it('finishes what runs when it is told to stop, and exits with 0', async () => {
    const bytes = someBytes(SIZE);
    await pushBlob(frontend.registry, 'team/app', sha256(bytes), bytes);
    const held = Promise.withResolvers<undefined>();
    reads.hold = held.promise.then();
    const answered = open(frontend.registry, 'GET', `/v2/team/app/blobs/${sha256(bytes)}`);
    await eventually(() => reads.running === 1);
    frontend.child.kill('SIGTERM');
    const exited = once(frontend.child, 'exit');
    await refusesConnections(frontend.registry);
    held.resolve(undefined);
    expect((await collect(await answered).whole).equals(bytes)).toBe(true);
    expect(await exited).toEqual([0, null]);
  });
});

describe('a front end with a wrong configuration', () => {
  it('names the variable and what was expected, and exits with 1', async () => {
    const child = run({ MERIDIAN_LISTEN: 'here', MERIDIAN_MAX_MANIFEST_BYTES: 'much' });
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(errors).toContain('MERIDIAN_LISTEN must be host:port');
    expect(errors).toContain('MERIDIAN_MAX_MANIFEST_BYTES must be');
    expect(errors).not.toContain('    at ');
  });
});

async function refusesConnections(registry: string): Promise<void> {
  for (const deadline = performance.now() + 5000; performance.now() < deadline;) {
    const refused = await send(registry, 'GET', '/healthz', { headers: { connection: 'close' } }).then(
      () => false,
      () => true,
    );
    if (refused) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the front end still takes connections');
}
