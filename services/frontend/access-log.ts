import { plainLines, type Logger } from '#libs/telemetry/log.ts';
import type { OnRequest } from './http/observe.ts';

/** A line for each request that has ended. Who it was is the audit's to keep. */
export function accessLog(log: Logger): OnRequest {
  const write = plainLines(log);
  return ({ failure, asked: _asked, durationMs, ...request }) => {
    const why = failure instanceof Error ? failure.message : undefined;
    const cause = request.status >= 500 ? causeOf(failure) : undefined;
    const fields = { ...request, failure: why, cause, durationMs: Math.round(durationMs) };
    write(request.status >= 500 ? 'warn' : 'info', fields, 'request');
  };
}

/** What lies behind a failure, for who is to mend it; clients are not told. */
function causeOf(failure: unknown): string | undefined {
  const { cause } = failure instanceof Error ? failure : {};
  return cause instanceof Error ? cause.message : undefined;
}
