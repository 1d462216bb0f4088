import { catalogContract, type Catalog } from '#libs/rpc/contracts.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import { unaryOf, wrapCalls } from '#libs/rpc/wrap.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import { askElsewhere, nobody } from './ask.ts';
import { writesHere, type Whereabouts } from './own-region.ts';

/** Calls that change nothing, so that they may be repeated in another region. */
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
 * promises. Manifests are pushed there as well while the own storage is away, since only where their bytes are can they be pushed.
 */
export function catalogOrElsewhere(
  own: Catalog,
  where: Whereabouts,
  onFrame: (frame: Frame) => void,
): Catalog {
  const { replication, regions, onUsed } = where;
  const ask = { regions, onUsed, service: 'replication' } as const;
  const calls = wrapCalls(catalogContract, {
    unary: async (name, input, context) => {
      const isRepeatable = READS.has(name);
      try {
        if (replication.answers) return await unaryOf(own, name)(input, context);
      } catch (error) {
        if (!(error instanceof Unanswered) || !isRepeatable) throw error;
      }
      const { signal } = context;
      return askElsewhere({ ...ask, isRepeatable, signal }, ({ catalog }) =>
        unaryOf(catalog, name)(input, context),
      );
    },
    stream: () => {
      throw new Error('A stream of the catalog has no way to another region.');
    },
  });
  return {
    ...calls,
    status: own.status,
    push: async (request, context) => {
      const { signal } = context;
      if (writesHere(where)) return own.push(request, context);
      const pushed = await askElsewhere(
        { ...ask, isRepeatable: false, bringsContent: true, signal },
        ({ catalog }) => catalog.push(request, context),
      );
      await untilSeen(
        own,
        where,
        request.repository,
        request.manifest?.digest ?? '',
        pushed.position,
        signal,
      );
      return pushed;
    },
    follow: async function* (request, { signal }) {
      if (replication.answers) {
        for await (const frame of own.follow(request, { signal })) {
          onFrame(frame);
          yield frame;
        }
        return;
      }
      const [nearest] = regions.nearestFirst();
      if (nearest === undefined) throw nobody('replication');
      const untilBack = AbortSignal.any([signal, replication.back()]);
      for await (const frame of nearest.catalog.follow(request, { signal: untilBack })) {
        // What that region is in the cluster says nothing of this one.
        yield { ...frame, regionState: '', elsewhere: [] };
      }
    },
  };
}

/** Who pushed sees it through this region at once, also where the own view answers. In vain only while that is cut off. */
async function untilSeen(
  own: Catalog,
  { replication }: Whereabouts,
  repository: string,
  reference: string,
  position: { catalogId: string; revision: number } | null,
  signal: AbortSignal,
): Promise<void> {
  if (!replication.answers || position === null) return;
  const freshness = { strong: false, catalogId: position.catalogId, minRevision: position.revision };
  await own.resolve({ repository, reference, freshness }, { signal }).catch(() => undefined);
}
