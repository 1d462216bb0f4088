import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const fixture = fileURLToPath(new URL('service.fixture.ts', import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Started {
  readonly child: ChildProcess;
  readonly said: { stdout: string; stderr: string };
  readonly exited: Promise<number | null>;
}

function start(deed: string, env: Record<string, string> = { MERIDIAN_LISTEN: '127.0.0.1:0' }): Started {
  const child = fork(fixture, [deed], { env: { PATH: process.env['PATH'], ...env }, silent: true });
  children.push(child);
  const said = { stdout: '', stderr: '' };
  child.stdout?.on('data', (data: Buffer) => (said.stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (said.stderr += data.toString()));
  // Not 'close', which a child that was disconnected never emits.
  const ended = [child.stdout, child.stderr].flatMap((stream) => (stream ? [once(stream, 'end')] : []));
  const exited = once(child, 'exit').then(async ([code]) => {
    await Promise.all(ended);
    return code as number | null;
  });
  return { child, said, exited };
}

async function listening({ said }: Started): Promise<void> {
  await expect.poll(() => said.stdout, { timeout: 20_000 }).toContain('listening');
}

describe('the process of a service', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops once, with its grace, on %s', async (signal) => {
    const service = start('serve', { MERIDIAN_LISTEN: '127.0.0.1:0', MERIDIAN_GRACE_MS: '1234' });
    await listening(service);
    service.child.kill(signal);
    expect(await service.exited).toBe(0);
    expect(service.said).toEqual({ stdout: 'listening\nstopping within 1234\n', stderr: '' });
  });

  it('is ended by a second signal', async () => {
    const service = start('stop-forever', { MERIDIAN_LISTEN: '127.0.0.1:0', MERIDIAN_GRACE_MS: '60000' });
    await listening(service);
    service.child.kill('SIGTERM');
    await expect.poll(() => service.said.stdout, { timeout: 20_000 }).toContain('stopping');
    service.child.kill('SIGINT');
    expect(await service.exited).toBe(1);
    expect(service.said.stderr).toBe('fixture: was ended by a second SIGINT.\n');
  });

  it('stops when its parent process is gone', async () => {
    const service = start('serve');
    await listening(service);
    service.child.disconnect();
    expect(await service.exited).toBe(0);
    expect(service.said.stdout).toContain('stopping');
  });

  it('can be stopped while it starts', async () => {
    const service = start('start-forever');
    await expect.poll(() => service.said.stdout, { timeout: 20_000 }).toContain('starting');
    service.child.kill('SIGTERM');
    expect(await service.exited).toBe(0);
    expect(service.said.stderr).toBe('');
  });

  it('reports a rejection that nobody handles and exits', async () => {
    const service = start('reject');
    expect(await service.exited).toBe(1);
    expect(service.said.stdout).toContain('nobody caught me');
  });

  it('says in sentences what is wrong with its configuration', async () => {
    const service = start('serve', { MERIDIAN_LISEN: 'x' });
    expect(await service.exited).toBe(1);
    expect(service.said.stderr).toBe(
      'fixture: the configuration is wrong.\n' +
        '  MERIDIAN_LISTEN must be set to host:port, such as 127.0.0.1:5000 or [::1]:5000.\n' +
        '  MERIDIAN_LISEN is not a variable of this service. Did you mean MERIDIAN_LISTEN?\n',
    );
  });

  it('says which port is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    const service = start('serve', { MERIDIAN_LISTEN: `127.0.0.1:${port}` });
    expect(await service.exited).toBe(1);
    expect(service.said.stderr).toBe(
      `fixture: port ${port} (127.0.0.1) is taken by another process. Stop that one, or choose another port.\n`,
    );
    holder.close();
  });

  it('says without a stack trace that a directory cannot be made', async () => {
    const service = start('make-directory');
    expect(await service.exited).toBe(1);
    expect(service.said.stderr).toMatch(
      /^fixture: \/.* can't be made: a file of that name is in the way\.\n$/,
    );
  });
});
