import type { Metrics } from '../metrics.ts';

/** A use of another region's service in the place of the own one. */
export interface ElsewhereUse {
  readonly service: string;
  readonly region: string;
  /** Set for bytes of blobs; unset for a call. */
  readonly bytes?: number;
}

/** Gives what a front end calls at each such use. */
export function elsewhereMetrics(metrics: Metrics): (use: ElsewhereUse) => void {
  const calls = metrics.counter(
    'meridian_elsewhere_calls_total',
    "Calls that another region answered because the own region's service was away.",
  );
  const bytes = metrics.counter('meridian_elsewhere_bytes_total', 'Bytes of blobs that came from there.');
  return ({ service, region, bytes: count }) => {
    if (count === undefined) calls(1, { service, region });
    else bytes(count, { region });
  };
}
