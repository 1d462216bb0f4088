import type { Metrics, Observation } from '../metrics.ts';

/** Where a region stands, as `Catalog.Status` tells it (proto/meridian/v1/catalog.proto). */
export interface ReplicationReading {
  /** Null until the view is there. */
  readonly position: { readonly revision: number; readonly stalenessMs: number } | null;
  readonly watermark: number;
  readonly missingBlobs: number;
  readonly missingBytes: number;
  readonly lostBlobs: number;
  readonly regions: readonly PeerReading[];
}

export interface PeerReading {
  readonly region: string;
  readonly live: boolean;
  readonly roundTripMs: number;
}

/** Called as bytes of blobs move between this region and another. */
export type OnPeerBytes = (region: string, direction: 'received' | 'sent', bytes: number) => void;

/** Shows a region's view and replicas, read at each scrape; gives what counts the bytes between regions. */
export function replicationMetrics(metrics: Metrics, read: () => Promise<ReplicationReading>): OnPeerBytes {
  metrics.gauges(read, {
    meridian_view_revision: {
      help: "The catalog's revision that this region's view has reached.",
      observe: ({ position }) => (position === null ? [] : position.revision),
    },
    meridian_view_staleness_seconds: {
      help: "How far this region's view may be behind the catalog.",
      observe: ({ position }) => (position === null ? [] : position.stalenessMs / 1_000),
    },
    meridian_replication_watermark: {
      help: 'The revision up to which this region holds every blob it should.',
      observe: ({ watermark }) => watermark,
    },
    meridian_replication_missing_blobs: {
      help: 'Blobs that this region should hold and does not yet.',
      observe: ({ missingBlobs }) => missingBlobs,
    },
    meridian_replication_missing_bytes: {
      help: 'Bytes of the blobs that this region should hold and does not yet.',
      observe: ({ missingBytes }) => missingBytes,
    },
    meridian_replication_lost_blobs: {
      help: 'Blobs that no region can give.',
      observe: ({ lostBlobs }) => lostBlobs,
    },
    meridian_peer_round_trip_seconds: {
      help: 'The last round trip to another region.',
      observe: perPeer(({ live, roundTripMs }) => (live ? roundTripMs / 1_000 : undefined)),
    },
    meridian_peer_live: {
      help: '1 where another region answers, 0 where it does not.',
      observe: perPeer(({ live }) => Number(live)),
    },
  });
  const bytes = metrics.counter(
    'meridian_peer_bytes_total',
    'Bytes of blobs moved from and to other regions.',
  );
  return (region, direction, count) => bytes(count, { region, direction });
}

function perPeer(valueOf: (peer: PeerReading) => number | undefined) {
  return ({ regions }: ReplicationReading): Observation[] =>
    regions.flatMap((peer) => {
      const value = valueOf(peer);
      return value === undefined ? [] : [{ value, labels: { region: peer.region } }];
    });
}
