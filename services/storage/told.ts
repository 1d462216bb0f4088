import type { Logger } from '#libs/telemetry/log.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import { expiryMetrics, scrubMetrics } from '#libs/telemetry/metrics/storage.ts';
import type { StorageOptions } from './service.ts';

/** Has a storage's events logged and counted, whichever process it runs in. */
export function toldBy(
  log: Logger,
  metrics: Metrics,
): Required<Pick<StorageOptions, 'onFault' | 'onExpired' | 'onScrub'>> {
  const countExpired = expiryMetrics(metrics);
  const countScrubbed = scrubMetrics(metrics);
  return {
    onFault: (err) => log.error({ err }, 'The disk failed a request.'),
    onExpired: (expired) => {
      countExpired(expired);
      log.info({ expired }, 'Uploads that got no bytes for too long have ended.');
    },
    onScrub: {
      ...countScrubbed,
      damaged: (damage) => {
        countScrubbed.damaged();
        log.warn({ damage }, 'A damaged blob has gone into quarantine.');
      },
    },
  };
}
