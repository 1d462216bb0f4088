import { describe, expect, it } from 'vitest';
import { createMetrics } from '#libs/telemetry/metrics.ts';
import { httpMetrics } from '#libs/telemetry/metrics/http.ts';
import { replicationMetrics, type ReplicationReading } from '#libs/telemetry/metrics/replication.ts';
import { storageMetrics } from '#libs/telemetry/metrics/storage.ts';

const newMetrics = (): ReturnType<typeof createMetrics> => createMetrics({ service: 'region', region: 'eu' });

describe('the metrics of requests', () => {
  it('count by method, route and status, bytes by direction, and fill the buckets of durations', async () => {
    const metrics = newMetrics();
    const record = httpMetrics(metrics);
    const route = '/v2/<name>/manifests/<reference>';
    record({ method: 'GET', route, status: 200, durationMs: 3, bytesIn: 0, bytesOut: 500 });
    record({ method: 'GET', route, status: 200, durationMs: 50, bytesIn: 0, bytesOut: 500 });
    record({ method: 'BREW', route: '', status: 405, durationMs: 1, bytesIn: 7, bytesOut: 1 });
    const lines = (await metrics.text()).split('\n');
    expect(lines).toContain('# TYPE meridian_http_requests_total counter');
    expect(lines).toContain(`meridian_http_requests_total{method="GET",route="${route}",status="200"} 2`);
    expect(lines).toContain('meridian_http_requests_total{method="other",route="",status="405"} 1');
    expect(lines).toContain('meridian_http_bytes_total{direction="received"} 7');
    expect(lines).toContain('meridian_http_bytes_total{direction="sent"} 1001');
    const bucket = `meridian_http_request_duration_seconds_bucket{method="GET",route="${route}"`;
    expect(lines).toContain(`${bucket},le="0.005"} 1`);
    expect(lines).toContain(`${bucket},le="0.1"} 2`);
    expect(lines).toContain(`${bucket},le="+Inf"} 2`);
  });

  it('name the process they are from', async () => {
    const metrics = newMetrics();
    expect(await metrics.text()).toContain('target_info{service_name="region",cloud_region="eu"} 1');
  });
});

describe('the metrics of a store', () => {
  it('are read once at each scrape', async () => {
    const metrics = newMetrics();
    let blobs = 0;
    const others = { bytes: 10, uploads: 2, freeBytes: 5, quarantineBlobs: 3, quarantineBytes: 30 };
    storageMetrics(metrics, () => Promise.resolve({ blobs: ++blobs, ...others }));
    expect(await metrics.text()).toContain('meridian_storage_blobs 1\n');
    const second = await metrics.text();
    expect(second).toContain('meridian_storage_blobs 2\n');
    expect(second).toContain('meridian_storage_free_bytes 5\n');
    expect(second).toContain('meridian_uploads_open 2\n');
    expect(second).toContain('meridian_quarantine_bytes 30\n');
  });

  it.each([
    ['fails', () => Promise.reject(new Error('no storage'))],
    ['hangs', () => new Promise<never>(() => undefined)],
  ])('are absent while reading %s, and the others are there', async (_how, read) => {
    const metrics = newMetrics();
    storageMetrics(metrics, read);
    metrics.counter('meridian_things_total', 'Things.')(1, {});
    const text = await metrics.text();
    expect(text).toContain('meridian_things_total 1');
    expect(text).not.toMatch(/^meridian_storage/m);
  });
});

describe('the metrics of replication', () => {
  const reading: ReplicationReading = {
    position: { revision: 42, stalenessMs: 1_500 },
    watermark: 40,
    missingBlobs: 3,
    missingBytes: 4_096,
    lostBlobs: 1,
    regions: [
      { region: 'us', live: true, roundTripMs: 80 },
      { region: 'ap', live: false, roundTripMs: 0 },
    ],
  };

  it('tell the view, what is missing, and each other region', async () => {
    const metrics = newMetrics();
    const onPeerBytes = replicationMetrics(metrics, () => Promise.resolve(reading));
    onPeerBytes('us', 'received', 100);
    onPeerBytes('us', 'received', 23);
    onPeerBytes('ap', 'sent', 7);
    const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith('meridian_'));
    expect(lines).toEqual([
      'meridian_view_revision 42',
      'meridian_view_staleness_seconds 1.5',
      'meridian_replication_watermark 40',
      'meridian_replication_missing_blobs 3',
      'meridian_replication_missing_bytes 4096',
      'meridian_replication_lost_blobs 1',
      'meridian_peer_round_trip_seconds{region="us"} 0.08',
      'meridian_peer_live{region="us"} 1',
      'meridian_peer_live{region="ap"} 0',
      'meridian_peer_bytes_total{region="us",direction="received"} 123',
      'meridian_peer_bytes_total{region="ap",direction="sent"} 7',
    ]);
  });

  it('do not tell a position before there is a view', async () => {
    const metrics = newMetrics();
    replicationMetrics(metrics, () => Promise.resolve({ ...reading, position: null }));
    expect(await metrics.text()).not.toContain('meridian_view_revision ');
  });
});
