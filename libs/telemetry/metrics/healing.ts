import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Metrics } from '../metrics.ts';

/** Counts what became of damaged blobs. */
export function healingMetrics(metrics: Metrics): OnRegionEvent {
  const blobs = metrics.counter(
    'meridian_healed_blobs_total',
    'Damaged blobs that were replaced from other regions.',
  );
  const bytes = metrics.counter('meridian_healed_bytes_total', 'Bytes of these.');
  const lost = metrics.counter(
    'meridian_lost_blobs_total',
    'Blobs that no region that answered had when they were looked for.',
  );
  return (event) => {
    if (event.kind === 'blob-lost') lost(1, {});
    if (event.kind !== 'healed') return;
    blobs(1, {});
    bytes(event.size, {});
  };
}
