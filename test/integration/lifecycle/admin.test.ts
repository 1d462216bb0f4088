import { describe, expect, it, onTestFinished } from 'vitest';
import { startAdminServer, type ReadyReport } from '#libs/lifecycle/admin.ts';

async function serve(ready: () => Promise<ReadyReport>): Promise<(path: string) => Promise<Response>> {
  const server = await startAdminServer({
    listen: { host: '127.0.0.1', port: 0 },
    metrics: () => Promise.resolve('things_total 1\n'),
    ready,
  });
  onTestFinished(() => server.close());
  return (path) => fetch(`http://127.0.0.1:${server.port}${path}`);
}

describe('the admin server', () => {
  it('is alive and gives metrics', async () => {
    const get = await serve(() => Promise.resolve({}));
    expect((await get('/healthz')).status).toBe(200);
    const metrics = await get('/metrics?x=1');
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await metrics.text()).toBe('things_total 1\n');
    expect((await get('/')).status).toBe(404);
  });

  it('is ready when every dependency is', async () => {
    const get = await serve(() => Promise.resolve({ etcd: { ready: true }, storage: { ready: true } }));
    const answer = await get('/readyz');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      ready: true,
      dependencies: { etcd: { ready: true }, storage: { ready: true } },
    });
  });

  it('says what it waits for, and why', async () => {
    const etcd = { ready: false, why: 'no connection to 127.0.0.1:2379' };
    const get = await serve(() => Promise.resolve({ etcd, storage: { ready: true } }));
    const answer = await get('/readyz');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ ready: false, dependencies: { etcd, storage: { ready: true } } });
  });

  it('is not ready, but answers, when the check itself fails or hangs', async () => {
    const failing = await serve(() => Promise.reject(new Error('the check broke')));
    expect(await (await failing('/readyz')).json()).toMatchObject({
      ready: false,
      dependencies: { service: { why: 'the check broke' } },
    });
    const hanging = await serve(() => new Promise(() => undefined));
    expect((await hanging('/readyz')).status).toBe(503);
  });
});
