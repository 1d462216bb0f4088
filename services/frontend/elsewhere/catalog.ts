import { RegistryError } from '#libs/oci/errors.ts';
import { catalogContract, type Catalog } from '#libs/rpc/contracts.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import type { Position } from '#types/meridian/v1/Position.ts';
import type { PushManifest } from '#types/meridian/v1/PushManifest.ts';
import { callsOrElsewhere, framesOrElsewhere } from './calls.ts';
import { writesHere, type Whereabouts } from './own-region.ts';
import type { OtherRegion } from './regions.ts';

const READS: ReadonlySet<keyof Catalog> = new Set([
  'resolve',
  'findBlob',
  'findOwners',
  'listTags',
  'listRepositories',
  'listReferrers',
  'findDurability',
  'getSettings',
  'listRegions',
]);

/**
 * The own replication's catalog; while that is away, the nearest other region's, which answers from a view of its own and keeps the same
 * promises. Manifests are pushed where their bytes were put.
 */
export function catalogOrElsewhere(
  own: Catalog,
  where: Whereabouts,
  onFrame: (frame: Frame) => void,
): Catalog {
  const of = ({ catalog }: OtherRegion): Catalog => catalog;
  const calls = callsOrElsewhere({ contract: catalogContract, own, of, reads: READS }, where);
  return {
    ...calls,
    status: own.status,
    push: async (request, context) => {
      const { signal } = context;
      const at = where.putAt.get(signal);
      if (at === undefined || at === 'here') {
        if (writesHere(where)) return own.push(request, context);
        throw wentAway();
      }
      const pushed = await at.catalog.push(request, context);
      where.onUsed({ service: 'replication', region: at.region, signal });
      if (where.replication.answers) await untilSeen(own, request, pushed.position, signal);
      return pushed;
    },
    follow: (request, { signal }) =>
      framesOrElsewhere(
        where,
        (limited) => noted(own.follow(request, { signal: limited }), onFrame),
        ({ catalog }, limited) => ofAnother(catalog.follow(request, { signal: limited })),
        signal,
      ),
  };
}

async function* noted(frames: AsyncIterable<Frame>, onFrame: (frame: Frame) => void): AsyncGenerator<Frame> {
  for await (const frame of frames) {
    onFrame(frame);
    yield frame;
  }
}

/** What another region is in the cluster says nothing of this one. */
async function* ofAnother(frames: AsyncIterable<Frame>): AsyncGenerator<Frame> {
  for await (const frame of frames) yield { ...frame, regionState: '', elsewhere: [] };
}

/** Who pushed sees it through this region at once, also where the own view answers. In vain only while that is cut off. */
async function untilSeen(
  own: Catalog,
  { repository, manifest }: PushManifest,
  position: Position | null,
  signal: AbortSignal,
): Promise<void> {
  if (position === null || manifest === null) return;
  const freshness = { strong: false, catalogId: position.catalogId, minRevision: position.revision };
  const question = { repository, reference: manifest.digest, freshness };
  await own.resolve(question, { signal }).catch(() => undefined);
}

function wentAway(): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    'A service of this region went away while the manifest was being pushed, which has not been published. Push it again.',
    { retryAfterSeconds: 1 },
  );
}
