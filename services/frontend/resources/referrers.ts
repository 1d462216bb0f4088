import { OCI_INDEX } from '#libs/oci/mediatype.ts';
import { isPlaced, notPlaced } from '#libs/placement.ts';
import type { Referrer } from '#types/meridian/v1/Referrer.ts';
import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import { digestOfPath, queryParameter, repositoryOf, type Handler } from '../http/context.ts';
import { readFreshness, tellPosition } from '../http/freshness.ts';
import { linkNext, readPage } from '../http/paging.ts';

/** The manifests whose subject is the digest, as an index; an empty one where there are none, for unknown repositories too. */
export function listReferrers({ catalog, settings, region }: Frontend): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const digest = digestOfPath(ctx);
    const artifactType = queryParameter(ctx, 'artifactType') ?? '';
    const page = readPage(ctx, settings);
    const freshness = readFreshness(ctx);
    const request = { repository, digest, artifactType, ...page, limit: Math.max(1, page.limit), freshness };
    const answer = await catalog.listReferrers(request, { signal: ctx.state.signal });
    if (!isPlaced(answer.regions, region)) throw notPlaced(repository, answer.regions, region);
    const referrers = answer.referrers.slice(0, page.limit);
    const last = referrers.at(-1)?.manifest?.digest;
    const filters = artifactType === '' ? {} : { artifactType };
    if (answer.more && last !== undefined) linkNext(ctx, page, last, filters);
    if (artifactType !== '') ctx.set('OCI-Filters-Applied', 'artifactType');
    tellPosition(ctx, answer.position, settings);
    answerJson(
      ctx,
      { schemaVersion: 2, mediaType: OCI_INDEX, manifests: referrers.map(describe) },
      OCI_INDEX,
    );
  };
}

/** A descriptor; what the manifest doesn't have is left out. */
function describe({ manifest, artifactType, annotations }: Referrer): object {
  return {
    ...manifest,
    ...(artifactType === '' ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}
