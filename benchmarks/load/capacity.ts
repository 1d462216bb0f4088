import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Generator } from './start-generator.ts';
import type { RequestWork } from './work.ts';

/** What the generator can do in a second of its own processor time, against a server that does nothing. */
export interface Capacity {
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
}

const LARGE_BYTES = 64_000_000;
const SMALL_BYTES = 500;

/** Takes about three times `durationMs`. */
export async function measureCapacity(generator: Generator, durationMs: number): Promise<Capacity> {
  const small = await against(SMALL_BYTES, generator, { connections: 16, durationMs });
  const large = await against(LARGE_BYTES, generator, { connections: 2, durationMs });
  return {
    requestsPerSecond: small.requests / small.ownCpuSeconds,
    bytesPerSecond: large.bytes / large.ownCpuSeconds,
  };
}

/**
 * Whether the generator may have been what was measured: it could not do twice as much. By its processor time and not by the clock, for the
 * machine does other things as well.
 */
export function isGeneratorBound(
  measured: { readonly requests: number; readonly bytes: number; readonly seconds: number },
  capacity: Capacity,
): boolean {
  const { requests, bytes, seconds } = measured;
  const busy = requests / capacity.requestsPerSecond + bytes / capacity.bytesPerSecond;
  return busy > seconds / 2;
}

async function against(
  bytes: number,
  generator: Generator,
  { connections, durationMs }: Required<Pick<RequestWork, 'connections' | 'durationMs'>>,
): Promise<{ requests: number; bytes: number; ownCpuSeconds: number }> {
  const server = fork(join(import.meta.dirname, 'trivial-server.ts'), [String(bytes)], { execArgv: [] });
  try {
    const [port] = (await once(server, 'message')) as [number];
    const requests = [{ method: 'GET', path: '/', status: 200, bytes }];
    const work = { kind: 'requests', requests, order: [0], connections } as const;
    const plan = (forMs: number): object => ({
      registry: `127.0.0.1:${port}`,
      work: { ...work, durationMs: forMs },
    });
    // The first half of the time warms both sides up.
    await generator.prepare(plan(durationMs / 2) as Parameters<Generator['prepare']>[0]);
    await generator.go();
    await generator.prepare(plan(durationMs) as Parameters<Generator['prepare']>[0]);
    return await generator.go();
  } finally {
    const exited = once(server, 'exit');
    server.disconnect();
    await exited;
  }
}
