import { describe, expect, it } from 'vitest';
import { createLog } from '#libs/telemetry/log.ts';
import { incomingTraceContext, outgoingTraceHeaders, streamInSpan, withSpan } from '#libs/telemetry/trace.ts';
import { startTracing } from '#libs/telemetry/tracing.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('without a receiver of traces', () => {
  it('passes the traceparent of a request on to every call made for it', async () => {
    const before = incomingTraceContext({ traceparent });
    expect(await withSpan('call', { parent: before }, async () => outgoingTraceHeaders())).toEqual({});

    const tracing = await startTracing({
      service: 'frontend',
      region: 'eu',
      otlpEndpoint: undefined,
      samplingRatio: 1,
    });
    const parent = incomingTraceContext({ traceparent });
    const headers = await withSpan('request', { parent }, async () => {
      await new Promise(setImmediate);
      const streamed = streamInSpan('stream', {}, async function* () {
        await new Promise(setImmediate);
        yield outgoingTraceHeaders();
      });
      for await (const seen of streamed) return [seen, outgoingTraceHeaders()];
      return [];
    });
    expect(headers).toEqual([{ traceparent }, { traceparent }]);
    expect(await withSpan('request', {}, async () => outgoingTraceHeaders())).toEqual({});
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const log = createLog({ service: 'frontend', region: 'eu', level: 'info', destination });
    await withSpan('request', {}, async () => log.info('of no trace'));
    expect(lines.join('')).toContain('of no trace');
    expect(lines.join('')).not.toContain('trace_id');
    await tracing.stop(1_000);
  });
});

describe('with a receiver that cannot be reached', () => {
  it('stops in the time that it is given', async () => {
    const tracing = await startTracing({
      service: 'frontend',
      region: 'eu',
      otlpEndpoint: 'http://127.0.0.1:1',
      samplingRatio: 1,
    });
    await withSpan('lost', {}, async () => undefined);
    const startedAt = performance.now();
    await tracing.stop(300);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});
