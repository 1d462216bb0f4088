import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  incomingTraceContext,
  inActiveTrace,
  outgoingTraceHeaders,
  SpanKind,
  withSpan,
} from '#libs/telemetry/trace.ts';
import { startTracing, type Tracing } from '#libs/telemetry/tracing.ts';
import { startOtlpReceiver, type OtlpReceiver } from '#test/support/otlp-receiver.ts';

const TRACES = 200;
let receiver: OtlpReceiver;
let tracing: Tracing;

beforeAll(async () => {
  receiver = await startOtlpReceiver();
  const otlpEndpoint = receiver.endpoint;
  tracing = await startTracing({ service: 'frontend', region: 'eu', otlpEndpoint, samplingRatio: 0.5 });
});

afterAll(() => receiver.close());

/** What a request does: something within, and a call that goes on in another process; gives what is sent along. */
function request(parent = incomingTraceContext({})): Promise<string> {
  return withSpan('request', { kind: SpanKind.SERVER, parent }, () =>
    withSpan('within', {}, async () => {
      await new Promise(setImmediate);
      return outgoingTraceHeaders()['traceparent'] ?? '';
    }),
  );
}

it('keeps some traces whole and nothing of the others, here and in the next process', async () => {
  const sent = await Promise.all(Array.from({ length: TRACES }, () => request()));
  expect(new Set(sent).size).toBe(TRACES);
  const kept = sent.filter((traceparent) => /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/.test(traceparent));
  const leftOut = sent.filter((traceparent) => /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/.test(traceparent));
  expect(kept.length + leftOut.length).toBe(TRACES);
  expect(Math.min(kept.length, leftOut.length)).toBeGreaterThan(0);

  // The next process follows.
  for (const traceparent of leftOut) {
    const further = await request(incomingTraceContext({ traceparent }));
    expect(further.slice(0, 35)).toBe(traceparent.slice(0, 35));
    expect(further.endsWith('-00')).toBe(true);
  }
  const [one = ''] = kept;
  expect(await request(incomingTraceContext({ traceparent: one }))).toMatch(one.slice(0, 35));

  // What is done once a request has ended belongs to it as well.
  let afterwards: (() => void) | undefined;
  let seen = '';
  await withSpan('request', { parent: incomingTraceContext({ traceparent: one }) }, async () => {
    afterwards = inActiveTrace(() => (seen = outgoingTraceHeaders()['traceparent'] ?? ''));
  });
  afterwards?.();
  expect(seen).toMatch(one.slice(0, 35));

  await tracing.stop(10_000);
  const names = receiver.spans().map(({ name }) => name);
  expect(names.filter((name) => name === 'within')).toHaveLength(kept.length + 1);
  expect(names.filter((name) => name === 'request')).toHaveLength(kept.length + 2);
  const traces = new Set(receiver.spans().map(({ traceId }) => traceId));
  expect(traces).toEqual(new Set(kept.map((traceparent) => traceparent.slice(3, 35))));
});
