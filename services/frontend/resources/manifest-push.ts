import { failpoint } from '#libs/failpoint.ts';
import { algorithmOf, digestOf, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseManifest } from '#libs/oci/manifest.ts';
import type { Reference } from '#libs/oci/reference.ts';
import { parseTag, type Tag } from '#libs/oci/tag.ts';
import { MAX_CHUNK_BYTES } from '#libs/rpc/limits.ts';
import { putParts } from '#libs/rpc/put-parts.ts';
import type { Frontend } from '../frontend.ts';
import { answerEmpty } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { readCondition } from '../http/conditions.ts';
import {
  header,
  queryParameters,
  referenceOf,
  repositoryOf,
  type Handler,
  type RequestContext,
} from '../http/context.ts';
import { tellPosition } from '../http/freshness.ts';

/** Stores a manifest's bytes and publishes it under a tag, or under its digest and any number of tags. */
export function pushManifest(frontend: Frontend): Handler {
  const { settings, storage, catalog, content, cache, membership, placement } = frontend;
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const reference = referenceOf(ctx);
    membership.requireWritable();
    await placement.requireHere(repository, [], ctx.state.signal);
    const tags = tagsOf(ctx, reference, settings.maxTagsPerPush);
    const ifMatch = readCondition('If-Match', header(ctx, 'if-match'));
    const ifNoneMatch = readCondition('If-None-Match', header(ctx, 'if-none-match'));
    const bytes = await readBody(ctx, 'manifest', settings.maxManifestBytes);
    const digest = verifiedDigest(bytes, reference);
    const { mediaType } = parseManifest(bytes, header(ctx, 'content-type'), settings.maxDescriptors);

    const { signal, access } = ctx.state;
    const mayRetag = access.may('retag', repository);
    const size = bytes.length;
    await storage.put(putParts({ repository, digest, size }, bytes), { signal });
    failpoint('push.stored');
    const manifest = { mediaType, digest, size };
    const along = size > MAX_CHUNK_BYTES ? Buffer.alloc(0) : bytes;
    const push = {
      ...{ repository, tags, manifest, ifMatch, ifNoneMatch, pushedBy: access.name, mayRetag },
      content: along,
    };
    const { position, durableRegions, subject } = await catalog.push(push, { signal });
    cache.wrote(repository, position);
    content.keep(digest, bytes);

    answerEmpty(ctx, 201);
    tellPosition(ctx, position, settings);
    ctx.set({
      Location: `/v2/${repository}/manifests/${digest}`,
      'Docker-Content-Digest': digest,
      'Meridian-Durable-Regions': durableRegions.join(','),
    });
    if (reference.kind === 'digest' && tags.length > 0) ctx.set('OCI-Tag', tags);
    if (subject !== '') ctx.set('OCI-Subject', subject);
  };
}

/** Throws TAG_INVALID, and TOO_LARGE for more tags than one push may set. */
function tagsOf(ctx: RequestContext, reference: Reference, maxTags: number): Tag[] {
  if (reference.kind === 'tag') return [reference.tag];
  const tags = new Set(queryParameters(ctx, 'tag').map(parseTag));
  if (tags.size <= maxTags) return Array.from(tags);
  throw new RegistryError(
    'TOO_LARGE',
    `The request names ${tags.size} tags; at most ${maxTags} are accepted. Push the manifest again with the others.`,
  );
}

/** Throws DIGEST_INVALID where the bytes are not those that the reference names. */
function verifiedDigest(bytes: Buffer, reference: Reference): Digest {
  if (reference.kind === 'tag') return digestOf(bytes);
  const digest = digestOf(bytes, algorithmOf(reference.digest));
  if (digest === reference.digest) return digest;
  throw new RegistryError(
    'DIGEST_INVALID',
    `The manifest should have the digest ${reference.digest}, but what came has ${digest}.`,
  );
}
