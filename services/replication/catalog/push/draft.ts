import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Manifest } from '#libs/oci/manifest.ts';
import type { Clock, Content, PinFinder } from '../collaborators.ts';
import type { EffectiveSettings } from '../configure/effective.ts';
import type { ManifestRecord } from '../manifest-record.ts';
import { isTooOld } from '../read/freshen.ts';
import type { CatalogSettings } from '../settings.ts';
import type { Staleness } from '../staleness.ts';
import type { View } from '../view/view.ts';
import { assume } from './assume.ts';
import type { Wanted } from './durability.ts';
import { contentOf, whereToHold } from './hold.ts';
import { resolveReferences } from './ownership.ts';
import { prepare } from './prepare.ts';
import type { Prepared } from './prepared.ts';
import { recordOf } from './record.ts';
import type { Push } from './request.ts';

/** How old a view may be that a push builds on, unless settings ask for less. An older one is likely to be late, or cut off from etcd. */
const MAX_ASSUMED_MS = 5_000;

export interface DraftOptions {
  readonly etcd: KeyValueStore;
  readonly view: View;
  readonly staleness: Staleness;
  readonly pins: PinFinder;
  /** This region's name. */
  readonly region: string;
  readonly clock: Clock;
  readonly settings: CatalogSettings;
}

/** What a push will commit, and on what it rests. */
export interface Draft {
  readonly prepared: Prepared;
  readonly record: ManifestRecord;
  /** All that must be on disk before, and where. */
  readonly content: readonly Content[];
  readonly wanted: Wanted;
}

/**
 * With `mayAssume` it rests on what the view has, which costs no round trip to the quorum, unless the view is old or does not allow the push:
 * only what is read of the catalog can refuse it. Throws as `checkTarget`, `resolveReferences` and `whereToHold` do, and UNAVAILABLE.
 */
export async function makeDraft(
  options: DraftOptions,
  push: Push,
  manifest: Manifest,
  { mayAssume }: { mayAssume: boolean },
  signal: AbortSignal,
): Promise<Draft> {
  const { etcd, view, staleness, settings } = options;
  if (mayAssume && staleness.ms() <= MAX_ASSUMED_MS && !isTooOld(options, push.repository)) {
    try {
      // What the view does not have yet must not be recorded as not owned.
      return await draftOn(
        options,
        push,
        manifest,
        { prepared: assume(view, push), missing: 'refuse' },
        signal,
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
    }
  }
  const prepared = await prepare({ etcd, view, viewTimeoutMs: settings.barrierTimeoutMs }, push, signal);
  return draftOn(options, push, manifest, { prepared, missing: prepared.settings.missing }, signal);
}

async function draftOn(
  options: DraftOptions,
  push: Push,
  manifest: Manifest,
  { prepared, missing }: { prepared: Prepared; missing: EffectiveSettings['missing'] },
  signal: AbortSignal,
): Promise<Draft> {
  const { view, region, clock } = options;
  const wanted = whereToHold(region, push.repository, prepared);
  const references = await resolveReferences(options, push.repository, manifest, missing, signal);
  const record = recordOf(push, manifest, references, { where: region, pushedAtMs: clock.nowMs() });
  return { prepared, record, content: contentOf(view, push, references), wanted };
}
