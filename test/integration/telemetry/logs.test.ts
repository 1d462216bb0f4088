import { execFile } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLog, type LogOptions } from '#libs/telemetry/log.ts';
import { incomingTraceContext, withSpan } from '#libs/telemetry/trace.ts';
import { startTracing } from '#libs/telemetry/tracing.ts';

beforeAll(async () => {
  await startTracing({ service: 'frontend', region: 'eu', otlpEndpoint: undefined, samplingRatio: 1 });
});

function logInto(lines: string[], level: LogOptions['level'] = 'info'): ReturnType<typeof createLog> {
  return createLog({
    service: 'frontend',
    region: 'eu',
    level,
    destination: { write: (line) => lines.push(line) },
  });
}

function only(lines: string[]): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('a log line', () => {
  it('is JSON and names its service, region and time', () => {
    const lines: string[] = [];
    logInto(lines).info({ repository: 'team/app' }, 'A manifest was pushed.');
    const line = only(lines);
    expect(line).toMatchObject({
      level: 'info',
      service: 'frontend',
      region: 'eu',
      repository: 'team/app',
      msg: 'A manifest was pushed.',
    });
    expect(Date.parse(line['time'] as string)).not.toBeNaN();
    expect(line).not.toHaveProperty('trace_id');
  });

  it('carries the ids of the active trace', async () => {
    const lines: string[] = [];
    const parent = incomingTraceContext({
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    });
    await withSpan('request', { parent }, async () => {
      await new Promise(setImmediate);
      logInto(lines).warn('Slow.');
    });
    expect(only(lines)).toMatchObject({
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      span_id: '00f067aa0ba902b7',
    });
  });

  it.each([
    { authorization: 'Bearer secret' },
    { headers: { authorization: 'Basic secret', cookie: 'secret' } },
    { request: { headers: { 'proxy-authorization': 'secret', authorization: 'secret' } } },
  ])('keeps credentials out of %j', (fields) => {
    const lines: string[] = [];
    logInto(lines).info(fields, 'A request.');
    expect(lines.join()).toContain('[redacted]');
    expect(lines.join()).not.toContain('secret');
  });

  it('shows an error with its stack', () => {
    const lines: string[] = [];
    logInto(lines).error({ err: new Error('broken') }, 'A fault.');
    expect(only(lines)['err']).toMatchObject({
      message: 'broken',
      stack: expect.stringContaining('logs.test') as string,
    });
  });

  it('is left out below the level', () => {
    const lines: string[] = [];
    logInto(lines, 'warn').info('Nothing of note.');
    expect(lines).toEqual([]);
  });
});

describe('the log of a process', () => {
  it('is whole and in order when the process ends in the same turn', async () => {
    const script = `
      import { createLog } from '#libs/telemetry/log.ts';
      const log = createLog({ service: 'frontend', region: 'eu', level: 'info' });
      setImmediate(() => {
        log.info({ n: 0 }, 'An earlier turn.');
        setTimeout(() => {
          for (let n = 1; n <= 300; n++) log.info({ n }, 'x'.repeat(300));
          process.exit(3);
        }, 1);
      });`;
    const { code, output } = await outputOf(script);
    const numbers = output
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n);
    expect(code).toBe(3);
    expect(numbers).toEqual(Array.from({ length: 301 }, (_, n) => n));
  });
});

function outputOf(script: string): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '--eval', script], (error, output) =>
      resolve({ code: error?.code, output }),
    );
  });
}
