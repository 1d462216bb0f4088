import { failpoint } from '#libs/failpoint.ts';
import { isPlaced, type Placement } from '#libs/placement.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { OnPeerBytes } from '#libs/telemetry/metrics/replication.ts';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';
import type { AnnounceToRegion } from '#types/meridian/v1/AnnounceToRegion.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';
import { createBackground, type Background } from './background.ts';
import type { Fetcher } from './fetch.ts';
import type { ReadAhead } from './read-ahead.ts';
import { sendsAlong, wholeBlob } from './small-blob.ts';
import type { Told } from './told.ts';

export interface AnnounceOptions {
  readonly region: string;
  readonly storage: Pick<Storage, 'read'>;
  readonly directory: PeerDirectory;
  readonly fetcher: Fetcher;
  readonly told: Told;
  /** What bytes that come along may take, at both ends. */
  readonly readAhead: ReadAhead;
  /** How many other regions must hold what is pushed to the repository. */
  readonly peersAsked: (repository: string) => number;
  readonly placement: (repository: string) => Placement;
  readonly settings: {
    readonly announceRegions: number;
    readonly askTimeoutMs: number;
    readonly stallTimeoutMs: number;
    readonly maxAnnounced: number;
  };
  readonly onPeerBytes: OnPeerBytes;
  readonly onFault: (error: unknown) => void;
}

/** Early word of blobs, so that most of a push's content is in place when its manifest comes. Losing it costs time, never data. */
export interface Announcements {
  /**
   * Tells as many regions as the repository's durability asks for, the nearest active ones and always the same while they live; does not
   * wait for them. The bytes of small blobs go along to those that take them.
   */
  tell(blob: AnnounceBlob): void;
  /** Stores what another region told of, or starts to copy it. */
  hear(blob: AnnounceToRegion): void;
  stop(): void;
}

const NOTHING = Buffer.alloc(0);

export function createAnnouncements(options: AnnounceOptions): Announcements {
  const { directory, fetcher, told, readAhead, peersAsked, placement, settings, onFault } = options;
  const telling: Background = createBackground(settings.maxAnnounced, onFault);
  const copying: Background = createBackground(settings.maxAnnounced, onFault);

  const send = async (remote: RemoteRegion, blob: AnnounceBlob, signal: AbortSignal): Promise<void> => {
    const { region, peer, takesBytes } = remote;
    const isAlong = takesBytes && sendsAlong(blob, options.region) && readAhead.tryTake(blob.size, false);
    try {
      const data = isAlong ? await wholeBlob(options.storage, blob.digest, signal) : NOTHING;
      const timeoutMs = isAlong ? settings.stallTimeoutMs : settings.askTimeoutMs;
      await ask(region, { signal, timeoutMs }, (limited) =>
        peer.announce({ ...blob, data }, { signal: limited }),
      );
    } finally {
      if (isAlong) readAhead.giveBack(blob.size);
    }
  };
  const copy = async (blob: AnnounceToRegion, signal: AbortSignal): Promise<void> => {
    const { region, repository, digest, size, data } = blob;
    if (data.length > 0) options.onPeerBytes(region, 'received', data.length);
    // Those that are no whole blob, or too many, are fetched like all others.
    const isAlong = size > 0 && data.length === size && readAhead.tryTake(size, false);
    try {
      const request = { repository, digest, size, from: region, priority: 'layer' } as const;
      await fetcher.fetch({ ...request, ...(isAlong ? { data } : {}) }).held(signal);
    } finally {
      if (isAlong) readAhead.giveBack(size);
    }
  };
  return {
    tell: (blob) => {
      const count = Math.min(settings.announceRegions, peersAsked(blob.repository));
      const placed = placement(blob.repository);
      const nearest = directory
        .nearestFirst()
        .filter(({ region, live, state }) => live && state === 'active' && isPlaced(placed, region));
      const chosen = told.first(blob.repository, nearest).slice(0, count);
      for (const remote of chosen) {
        told.note(blob.repository, remote.region);
        telling.run(async (signal) => {
          await send(remote, blob, signal);
          failpoint('announce.told');
        });
      }
    },
    hear: (blob) => {
      if (isPlaced(placement(blob.repository), options.region)) copying.run((signal) => copy(blob, signal));
    },
    stop: () => {
      telling.stop();
      copying.stop();
    },
  };
}
