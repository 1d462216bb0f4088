import { createAnnounce } from './announce.ts';
import { createAuthentication } from './auth/authentication.ts';
import { createCatalogCache } from './cache/catalog-cache.ts';
import { createLocalFiles } from './content/local-files.ts';
import { createContentReader } from './content/reader.ts';
import { createTurns } from './content/turns.ts';
import { createVerification } from './content/verification.ts';
import { createMembership } from './membership.ts';
import { createPlacementRules } from './placement.ts';
import type { ReadBudget } from './content/read-budget.ts';
import type { Frontend } from './frontend.ts';
import type { FrontendOptions } from './service.ts';

/** What the handlers work with; `signal` ends what runs without a request. */
export function wireFrontend(options: FrontendOptions, budget: ReadBudget, signal: AbortSignal): Frontend {
  const { storage, uploads, remoteUploads, catalog, transfer, elsewhere, operations } = options;
  const { scrub, settings, region } = options;
  const now = (): number => performance.now();
  const verification = createVerification({
    ...{ scrub, signal },
    maxTrustedFiles: settings.maxCachedPaths,
    trustedMs: settings.trustedFileMs,
  });
  return {
    ...{ storage, uploads, remoteUploads, catalog, transfer, elsewhere, operations, scrub, settings, region },
    cache: createCatalogCache({ settings, now }),
    membership: createMembership({ region, maxFrameGapMs: settings.maxFrameGapMs, now }),
    placement: createPlacementRules({ region, maxWaitMs: settings.placementWaitMs }),
    content: createContentReader({
      ...{ storage, transfer, elsewhere, verification },
      isStorageHere: options.isStorageHere ?? false,
      limits: {
        budget,
        turns: createTurns({ max: settings.maxReadCalls, maxMs: settings.readCallTurnMs }),
      },
      maxCachedBytes: settings.maxCachedContentBytes,
    }),
    authentication: options.authentication && createAuthentication(options.authentication, now),
    verification,
    files: createLocalFiles({
      ...{ storage, verification },
      maxCachedPaths: settings.maxCachedPaths,
      retryMs: settings.localFilesRetryMs,
      now,
    }),
    announce: createAnnounce({
      transfer,
      maxAnnouncements: settings.maxAnnouncements,
      timeoutMs: settings.announceTimeoutMs,
      signal,
      onFailure: options.onAnnounceFailure,
    }),
  };
}
