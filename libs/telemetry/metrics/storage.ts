import type { Metrics } from '../metrics.ts';

/** What a region's store holds. */
export interface StorageReading {
  readonly blobs: number;
  readonly bytes: number;
  readonly uploads: number;
  readonly freeBytes: number;
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
    meridian_uploads_open: {
      help: 'Uploads that were begun and not ended.',
      observe: ({ uploads }) => uploads,
    },
  });
}
