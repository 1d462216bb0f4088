import { withoutRedaction, type Logger } from '#libs/telemetry/log.ts';
import type { OnRequest } from './http/observe.ts';

/** A line for each request that has ended. */
export function accessLog(processLog: Logger): OnRequest {
  const log = withoutRedaction(processLog);
  // Who it was is the audit's to keep.
  return ({ method, path, status, failure, durationMs, asked: _asked, ...rest }) => {
    const why = failure instanceof Error ? { failure: failure.message } : {};
    const fields = { method, path, status, ...rest, ...why, durationMs: Math.round(durationMs) };
    if (status >= 500) log.warn(fields, 'request');
    else log.info(fields, 'request');
  };
}
