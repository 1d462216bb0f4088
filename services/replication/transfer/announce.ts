import { failpoint } from '#libs/failpoint.ts';
import { isPlaced, type Placement } from '#libs/placement.ts';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import { createBackground, type Background } from './background.ts';
import type { Fetcher } from './fetch.ts';
import type { Told } from './told.ts';

export interface AnnounceOptions {
  readonly region: string;
  readonly directory: PeerDirectory;
  readonly fetcher: Fetcher;
  readonly told: Told;
  /** How many other regions must hold what is pushed to the repository. */
  readonly peersAsked: (repository: string) => number;
  readonly placement: (repository: string) => Placement;
  readonly settings: {
    readonly announceRegions: number;
    readonly askTimeoutMs: number;
    readonly maxAnnounced: number;
  };
  readonly onFault: (error: unknown) => void;
}

/** Early word of blobs, so that most of a push's content is in place when its manifest comes. Losing it costs time, never data. */
export interface Announcements {
  /**
   * Tells as many regions as the repository's durability asks for, the nearest active ones and always the same while they live; does not
   * wait for them.
   */
  tell(blob: AnnounceBlob): void;
  /** Starts to copy what another region told of. */
  hear(blob: AnnounceBlob): void;
  stop(): void;
}

export function createAnnouncements(options: AnnounceOptions): Announcements {
  const { directory, fetcher, told, peersAsked, placement, settings, onFault } = options;
  const telling: Background = createBackground(settings.maxAnnounced, onFault);
  const copying: Background = createBackground(settings.maxAnnounced, onFault);
  return {
    tell: (blob) => {
      const count = Math.min(settings.announceRegions, peersAsked(blob.repository));
      const placed = placement(blob.repository);
      const nearest = directory
        .nearestFirst()
        .filter(({ region, live, state }) => live && state === 'active' && isPlaced(placed, region));
      const chosen = told.first(blob.repository, nearest).slice(0, count);
      for (const { region, peer } of chosen) {
        told.note(blob.repository, region);
        telling.run(async (signal) => {
          await ask(region, { signal, timeoutMs: settings.askTimeoutMs }, (limited) =>
            peer.announce(blob, { signal: limited }),
          );
          failpoint('announce.told');
        });
      }
    },
    hear: ({ region, repository, digest, size }) => {
      if (!isPlaced(placement(repository), options.region)) return;
      copying.run((signal) =>
        fetcher.fetch({ repository, digest, size, from: region, priority: 'layer' }).held(signal),
      );
    },
    stop: () => {
      telling.stop();
      copying.stop();
    },
  };
}
