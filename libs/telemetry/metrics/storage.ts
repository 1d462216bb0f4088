import type { Metrics } from '../metrics.ts';

/** What a region's store holds. */
export interface StorageReading {
  readonly blobs: number;
  readonly bytes: number;
  readonly uploads: number;
  readonly freeBytes: number;
  readonly quarantineBlobs: number;
  readonly quarantineBytes: number;
}

/** Counts uploads that expired. */
export type CountExpired = (expired: { readonly uploads: number; readonly bytes: number }) => void;

export function expiryMetrics(metrics: Metrics): CountExpired {
  const uploads = metrics.counter(
    'meridian_uploads_expired_total',
    'Uploads that ended because no bytes came for too long.',
  );
  const bytes = metrics.counter(
    'meridian_uploads_expired_bytes_total',
    'Bytes freed by uploads that expired.',
  );
  return (expired) => {
    uploads(expired.uploads, {});
    bytes(expired.bytes, {});
  };
}

/** Counts blobs that were re-hashed, and those that were not what their digests say. */
export interface CountScrubbed {
  readonly checked: (bytes: number) => void;
  readonly damaged: () => void;
}

export function scrubMetrics(metrics: Metrics): CountScrubbed {
  const blobs = metrics.counter('meridian_scrub_blobs_total', 'Stored blobs that were re-hashed.');
  const bytes = metrics.counter('meridian_scrub_bytes_total', 'Bytes of stored blobs that were re-hashed.');
  const damaged = metrics.counter(
    'meridian_storage_damaged_total',
    'Blobs that were not what their digests say and have gone into quarantine.',
  );
  return {
    checked: (count) => {
      blobs(1, {});
      bytes(count, {});
    },
    damaged: () => damaged(1, {}),
  };
}

/** Shows the store's own figures, read at each scrape. */
export function storageMetrics(metrics: Metrics, read: () => Promise<StorageReading>): void {
  metrics.gauges(read, {
    meridian_storage_blobs: { help: 'Blobs that this region holds.', observe: ({ blobs }) => blobs },
    meridian_storage_bytes: {
      help: 'Bytes of the blobs that this region holds.',
      observe: ({ bytes }) => bytes,
    },
    meridian_storage_free_bytes: {
      help: 'Bytes that are free where the blobs lie.',
      observe: ({ freeBytes }) => freeBytes,
    },
    meridian_quarantine_blobs: {
      help: 'Damaged blobs that are kept for a time.',
      observe: ({ quarantineBlobs }) => quarantineBlobs,
    },
    meridian_quarantine_bytes: {
      help: 'Bytes of the damaged blobs that are kept for a time.',
      observe: ({ quarantineBytes }) => quarantineBytes,
    },
    meridian_uploads_open: {
      help: 'Uploads that were begun and not ended.',
      observe: ({ uploads }) => uploads,
    },
  });
}
