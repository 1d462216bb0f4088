import type { Metrics } from '../metrics.ts';

/** One finished HTTP request. */
export interface HttpRequest {
  readonly method: string;
  /** The route's template, never the path: paths are without number. Empty where none matches. */
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  /** Bytes of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** The client was ended because it took (reader) or sent (writer) too little for too long. */
  readonly stalled?: 'reader' | 'writer' | undefined;
}

/** From a cached manifest to a layer of gigabytes. */
const DURATION_BUCKETS_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 60, 300, 1800];
const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS'];

/** Gives what a front end calls at the end of each request. */
export function httpMetrics(metrics: Metrics): (request: HttpRequest) => void {
  const requests = metrics.counter('meridian_http_requests_total', 'HTTP requests that have ended.');
  const bytes = metrics.counter('meridian_http_bytes_total', 'Bytes of HTTP bodies received and sent.');
  const seconds = metrics.histogram(
    'meridian_http_request_duration_seconds',
    'Time from the first byte of a request to the last of its answer.',
    DURATION_BUCKETS_SECONDS,
  );
  const stalls = metrics.counter(
    'meridian_http_stalled_total',
    'Requests ended because the client took or sent too little for too long.',
  );
  return ({ method: given, route, status, durationMs, bytesIn, bytesOut, stalled }) => {
    // A client may invent methods, and each would be a series.
    const method = METHODS.includes(given) ? given : 'other';
    requests(1, { method, route, status: String(status) });
    seconds(durationMs / 1_000, { method, route });
    bytes(bytesIn, { direction: 'received' });
    bytes(bytesOut, { direction: 'sent' });
    if (stalled !== undefined) stalls(1, { client: stalled });
  };
}
