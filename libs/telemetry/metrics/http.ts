import type { Metrics } from '../metrics.ts';
import { Spread, spreads, totals } from '../tally.ts';

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
  const byRoute = new Map<string, Map<string, OfMethod>>();
  const bytes = { received: 0, sent: 0 };
  const stalls = metrics.counter(
    'meridian_http_stalled_total',
    'Requests ended because the client took or sent too little for too long.',
  );
  const seriesOf = (route: string, method: string): OfMethod => {
    const ofRoute = entryOf(byRoute, route, () => new Map<string, OfMethod>());
    return entryOf(ofRoute, method, () => ({
      labels: { method, route },
      statuses: new Map<number, number>(),
      seconds: new Spread(DURATION_BUCKETS_SECONDS),
    }));
  };
  metrics.tallied((time) => {
    const series = Array.from(byRoute.values(), (ofRoute) => Array.from(ofRoute.values())).flat();
    return [
      totals({ ...REQUESTS, ...time }, series.flatMap(requestsOf)),
      totals(
        { ...BYTES, ...time },
        Object.entries(bytes).map(([direction, value]) => ({ labels: { direction }, value })),
      ),
      spreads(
        { ...SECONDS, ...time },
        series.map(({ labels, seconds }) => ({ labels, value: seconds })),
      ),
    ];
  });
  return ({ method: given, route, status, durationMs, bytesIn, bytesOut, stalled }) => {
    // A client may invent methods, and each would be a series.
    const { statuses, seconds } = seriesOf(route, METHODS.includes(given) ? given : 'other');
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    seconds.add(durationMs / 1_000);
    bytes.received += bytesIn;
    bytes.sent += bytesOut;
    if (stalled !== undefined) stalls(1, { client: stalled });
  };
}

const REQUESTS = { name: 'meridian_http_requests_total', help: 'HTTP requests that have ended.' };
const BYTES = { name: 'meridian_http_bytes_total', help: 'Bytes of HTTP bodies received and sent.' };
const SECONDS = {
  name: 'meridian_http_request_duration_seconds',
  help: 'Time from the first byte of a request to the last of its answer.',
};

/** Requests of one method to one route. */
interface OfMethod {
  readonly labels: { readonly method: string; readonly route: string };
  readonly statuses: Map<number, number>;
  readonly seconds: Spread;
}

function requestsOf({ labels, statuses }: OfMethod): { labels: Record<string, string>; value: number }[] {
  return Array.from(statuses, ([status, value]) => ({
    labels: { ...labels, status: String(status) },
    value,
  }));
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
