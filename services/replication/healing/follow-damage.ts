import { setTimeout as pause } from 'node:timers/promises';
import { parseDigest } from '#libs/oci/digest.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Scrub } from '#libs/rpc/contracts.ts';
import { iterateOutsideTrace } from '#libs/telemetry/trace.ts';
import type { NamedView } from '../catalog/view/view.ts';
import type { ChangedManifest } from '../transfer/pace.ts';

export interface FollowDamageOptions {
  readonly scrub: Pick<Scrub, 'follow'>;
  readonly view: NamedView;
  /** What these manifests stand for may not be held any more; without any, anything may not. */
  readonly lookAgain: (manifests?: readonly ChangedManifest[]) => void;
  readonly onEvent: OnRegionEvent;
}

const RETRY_MS = 1_000;
/** Manifests of one damaged blob that are looked at. */
const MAX_NAMERS = 20;

/** Has what goes into quarantine replaced at once, until `signal` aborts. Never throws. */
export async function followDamage(options: FollowDamageOptions, signal: AbortSignal): Promise<void> {
  const { scrub, view, lookAgain, onEvent } = options;
  while (!signal.aborted) {
    try {
      for await (const damage of iterateOutsideTrace(scrub.follow({}, { signal }))) {
        onEvent({ kind: 'damaged', ...damage });
        // Not all of their repositories need be placed in this region. What no manifest names may be pinned.
        const namers = view.namersOf(parseDigest(damage.digest), MAX_NAMERS);
        const named = namers.map(({ repository, manifest }) => ({ repository, digest: manifest }));
        lookAgain(named.length === 0 ? undefined : named);
      }
    } catch {
      // The storage is away, or restarts.
    }
    await pause(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    // Whatever was found meanwhile.
    lookAgain();
  }
}
