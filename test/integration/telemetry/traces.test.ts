import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import { openRpcChannel, type RpcChannel } from '#libs/rpc/client.ts';
import { storageContract, type Storage } from '#libs/rpc/contracts.ts';
import { createRpcServer } from '#libs/rpc/server.ts';
import { incomingTraceContext, SpanKind, withSpan } from '#libs/telemetry/trace.ts';
import { startTracing } from '#libs/telemetry/tracing.ts';
import {
  outline,
  startOtlpReceiver,
  type OtlpReceiver,
  type ReceivedSpan,
} from '#test/support/otlp-receiver.ts';

const CHUNKS = 50;
const CHUNK_PAUSE_MS = 4;
const { signal } = new AbortController();

/** A storage whose reads take a while and look up a blob first, so that there is something inside the stream. */
function storage(): Storage {
  const unused = (): never => {
    throw new Error('not called in this test');
  };
  return {
    async *read() {
      for (let i = 0; i < CHUNKS; i++) {
        await withSpanOnce(i);
        yield { data: Buffer.alloc(1024) };
      }
    },
    stat: () => Promise.reject(new Error('the disk is gone')),
    put: async (parts) => {
      let size = 0;
      for await (const { data } of parts) size += data?.length ?? 0;
      return { digest: '', size };
    },
    ingest: unused,
    locate: unused,
    list: unused,
    summarize: unused,
    listUnder: unused,
    hold: (_request, call) => once(call.signal, 'abort').then(unused),
    pins: () => Promise.reject(new RegistryError('BLOB_UNKNOWN', 'It is not here.')),
    unpin: unused,
    pinOwners: unused,
    stats: unused,
  };
}

async function withSpanOnce(i: number): Promise<void> {
  if (i === 0) await withSpan('open blob', {}, () => Promise.resolve());
  await new Promise((resolve) => setTimeout(resolve, CHUNK_PAUSE_MS));
}

describe('the spans of calls between services', () => {
  const server = createRpcServer({ onFault: () => undefined });
  let receiver: OtlpReceiver;
  let channel: RpcChannel;
  const push = '4bf92f3577b34da6a3ce929d0e0e4736';
  const unsampled = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
  const parentSpanId = '00f067aa0ba902b7';

  beforeAll(async () => {
    receiver = await startOtlpReceiver();
    const tracing = await startTracing({
      service: 'storage',
      region: 'eu',
      otlpEndpoint: receiver.endpoint,
      samplingRatio: 1,
    });
    server.add(storageContract, storage());
    const port = await server.listen('127.0.0.1:0');
    channel = openRpcChannel({ address: `127.0.0.1:${port}` });
    const client = channel.client(storageContract);
    await request(push, '01', client);
    await request(unsampled, '00', client);
    await client.stat({ digests: [] }, { signal }).catch(() => undefined);
    await tracing.stop(10_000);
  });
  afterAll(async () => {
    channel.close();
    await server.close(1_000);
    await receiver.close();
  });

  /** What a front end does for one request of a client that sent a `traceparent`. */
  async function request(traceId: string, flags: string, client: Storage): Promise<void> {
    const parent = incomingTraceContext({ traceparent: `00-${traceId}-${parentSpanId}-${flags}` });
    await withSpan('HTTP PUT', { kind: SpanKind.SERVER, parent }, async () => {
      const parts = (async function* () {
        for (let i = 0; i < CHUNKS; i++) yield { data: Buffer.alloc(1024) };
      })();
      await client.put(parts, { signal });
      let read = 0;
      for await (const { data } of client.read({ digest: '', offset: 0, length: 0 }, { signal }))
        read += data.length;
      expect(read).toBe(CHUNKS * 1024);
      await client.stat({ digests: [] }, { signal }).catch(() => undefined);
      await client.pins({ repository: '', digests: [] }, { signal }).catch(() => undefined);
      const enough = new AbortController();
      const given = client.hold(
        { pushId: '', repository: '', blobs: [], epoch: 0, unlessGivenUp: false },
        { signal: enough.signal },
      );
      enough.abort(new Error('Another answer was quicker.'));
      await given.catch(() => undefined);
    });
  }

  it('make one tree that begins at the traceparent of the client, without a span or event for a chunk', () => {
    const trees = receiver.trace(push);
    expect(outline(trees)).toEqual([
      'server HTTP PUT',
      '  client meridian.v1.Storage/Put',
      '    server meridian.v1.Storage/Put',
      '  client meridian.v1.Storage/Read',
      '    server meridian.v1.Storage/Read',
      '      internal open blob',
      '  client meridian.v1.Storage/Stat',
      '    server meridian.v1.Storage/Stat',
      '  client meridian.v1.Storage/Pins',
      '    server meridian.v1.Storage/Pins',
      '  client meridian.v1.Storage/Hold',
    ]);
    expect(trees[0]?.parentSpanId).toBe(parentSpanId);
    expect(receiver.spans().every(({ events }) => events === 0)).toBe(true);
  });

  it('cover a stream from its first to its last chunk', () => {
    const reads = receiver.spans().filter(({ name }) => name === 'meridian.v1.Storage/Read');
    expect(reads).toHaveLength(2);
    const atLeastNs = BigInt((CHUNKS - 1) * CHUNK_PAUSE_MS) * 1_000_000n;
    for (const { startedAtNs, endedAtNs } of reads)
      expect(endedAtNs - startedAtNs).toBeGreaterThan(atLeastNs);
  });

  it('say which calls failed, and where they ran', () => {
    const failed = receiver.spans().filter((span) => span.failed);
    expect(failed.map(({ name }) => name)).toEqual(Array(2).fill('meridian.v1.Storage/Stat'));
    expect(receiver.spans()[0]?.resource).toMatchObject({
      'service.name': 'storage',
      'service.namespace': 'meridian',
      'cloud.region': 'eu',
    });
  });

  it('have not failed where something is not there, or where nobody wanted the answer any more', () => {
    const spansOf = (name: string): readonly ReceivedSpan[] =>
      receiver.spans().filter((span) => span.name === `meridian.v1.Storage/${name}`);
    expect(spansOf('Pins').map(({ attributes }) => attributes['error.type'])).toEqual(
      Array(2).fill('BLOB_UNKNOWN'),
    );
    expect(spansOf('Hold')[0]?.attributes['meridian.cancelled']).toBe(true);
  });

  it('are not made where the client asked for none, nor for calls that no request asked for', () => {
    expect(receiver.trace(unsampled)).toEqual([]);
    expect(new Set(receiver.spans().map(({ traceId }) => traceId))).toEqual(new Set([push]));
  });
});
