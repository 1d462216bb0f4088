import type { RepositoryName } from '#libs/oci/name.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { formatReference, type Reference } from '#libs/oci/reference.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Descriptor } from '#types/meridian/v1/Descriptor.ts';
import type { ResolvedManifest } from '#types/meridian/v1/ResolvedManifest.ts';
import type { Frontend } from '../frontend.ts';
import { requirePlaced } from '../placement.ts';
import { answerEmpty, answerNow } from '../http/answer.ts';
import { entityTag, isNotModified, readCondition, requireMatch } from '../http/conditions.ts';
import { header, referenceOf, repositoryOf, type Handler, type RequestContext } from '../http/context.ts';
import { positionFields, readFreshness, tellPosition } from '../http/freshness.ts';

/** HEAD and GET of a manifest: its bytes as they were pushed, whatever the Accept header says. */
export function readManifest(frontend: Frontend): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const reference = referenceOf(ctx);
    const { manifest, position } = await resolve(frontend, ctx, repository, reference);
    requireMatch(header(ctx, 'if-match'), manifest.digest);
    const notModified = isNotModified(header(ctx, 'if-none-match'), manifest.digest);
    const digest = parseDigest(manifest.digest);
    const content = { repository, digest, size: manifest.size };
    const bytes =
      notModified || ctx.method === 'HEAD' ? undefined : await frontend.content.whole(content, ctx.state);
    const fields = [
      ...positionFields(position, frontend.settings),
      ...['Docker-Content-Digest', digest, 'ETag', entityTag(digest)],
      ...['Cache-Control', reference.kind === 'digest' ? 'max-age=31536000, immutable' : 'no-cache'],
    ];
    if (notModified) {
      answerNow(ctx, 304, fields);
      return;
    }
    // HEAD needs all that GET tells, or clients fetch the manifest to find out.
    fields.push('Content-Type', manifest.mediaType, 'Content-Length', String(manifest.size));
    answerNow(ctx, 200, fields, bytes);
  };
}

/** Removes a tag, or a manifest with all its tags. */
export function deleteManifest(frontend: Frontend): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const reference = referenceOf(ctx);
    const { signal } = ctx.state;
    const ifMatch = readCondition('If-Match', header(ctx, 'if-match'));
    const { position } =
      reference.kind === 'tag'
        ? await frontend.catalog.deleteTag({ repository, tag: reference.tag, ifMatch }, { signal })
        : await frontend.catalog.deleteManifest(
            { repository, digest: reference.digest, ifMatch },
            { signal },
          );
    frontend.cache.wrote(repository, position);
    answerEmpty(ctx, 202);
    tellPosition(ctx, position, frontend.settings);
  };
}

/** Throws MANIFEST_UNKNOWN, or UNAVAILABLE where that can't be known; DENIED where the repository's content must not be in this region. */
async function resolve(
  { cache, catalog, region }: Frontend,
  ctx: RequestContext,
  repository: RepositoryName,
  parsed: Reference,
): Promise<{ manifest: Descriptor; position: ResolvedManifest['position'] }> {
  const freshness = readFreshness(ctx);
  const reference = formatReference(parsed);
  const cached = cache.manifest(repository, reference, freshness);
  const answer =
    cached ?? (await catalog.resolve({ repository, reference, freshness }, { signal: ctx.state.signal }));
  if (cached === undefined) cache.keepManifest(repository, reference, answer);
  requirePlaced(repository, answer.reuse, region);
  if (answer.manifest !== null) return { manifest: answer.manifest, position: answer.position };
  throw new RegistryError('INTERNAL', 'The catalog answered without a manifest.');
}
