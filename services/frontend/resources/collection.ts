import { Readable } from 'node:stream';
import { z } from 'zod';
import { parseDigest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { BlobExplanation } from '#types/meridian/v1/BlobExplanation.ts';
import type { Collection } from '#types/meridian/v1/Collection.ts';
import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { pathParameter, queryParameters, type Handler, type RequestContext } from '../http/context.ts';

const MAX_BODY_BYTES = 4096;
const MAX_DIGESTS = 1000;

/** What the region's last collection did, or the running one does. */
export function readCollection({ operations }: Frontend): Handler {
  return async (ctx) => {
    const region = pathParameter(ctx, 'region');
    answerJson(ctx, shown(await operations.getCollection({ region }, { signal: ctx.state.signal })));
  };
}

/** Starts a collection in the region, or joins the one that runs. */
export function startCollection({ operations }: Frontend): Handler {
  return async (ctx) => {
    const region = pathParameter(ctx, 'region');
    const { agreed = false } = parseBody(await readBody(ctx, 'request', MAX_BODY_BYTES));
    const { signal } = ctx.state;
    answerJson(ctx, shown(await operations.startCollection({ region, agreed }, { signal })));
    ctx.status = 202;
  };
}

/** A line of JSON for each blob that the region holds, or for each `?digest=`: why it is kept, or when it goes. */
export function explainBlobs({ operations }: Frontend): Handler {
  return async (ctx) => {
    const region = pathParameter(ctx, 'region');
    const digests = queryParameters(ctx, 'digest').map(parseDigest);
    if (digests.length > MAX_DIGESTS) {
      throw new RegistryError(
        'TOO_LARGE',
        `The request names ${digests.length} digests; at most ${MAX_DIGESTS} are accepted. Without any, all blobs are told of.`,
      );
    }
    const { signal } = ctx.state;
    const blobs = operations.explainBlobs({ region, digests }, { signal })[Symbol.asyncIterator]();
    // What fails at once is still answered as an error.
    const first = await blobs.next();
    ctx.set('Content-Type', 'application/x-ndjson');
    ctx.body = Readable.from(lines(first, blobs, ctx));
  };
}

async function* lines(
  first: IteratorResult<BlobExplanation>,
  rest: AsyncIterator<BlobExplanation>,
  ctx: RequestContext,
): AsyncGenerator<string, void, undefined> {
  try {
    for (let step = first; step.done !== true; step = await rest.next()) {
      const line = `${JSON.stringify(explained(step.value))}\n`;
      ctx.state.bytesOut += line.length;
      yield line;
    }
  } finally {
    await rest.return?.();
  }
}

function explained({ use, namedBy, goesAt }: BlobExplanation): object {
  if (use === null) return {};
  const pins = use.pins.map(({ repository, expiresAt }) => ({ repository, until: time(expiresAt) }));
  return {
    digest: use.digest,
    size: use.size,
    kept: namedBy.length > 0 || pins.length > 0,
    ...(namedBy.length > 0 && { namedBy }),
    ...(pins.length > 0 && { pins }),
    ...(use.unusedSince > 0 && { unusedSince: time(use.unusedSince) }),
    ...(use.condemnedAt > 0 && { condemnedAt: time(use.condemnedAt) }),
    ...(goesAt > 0 && { goesAt: time(goesAt) }),
  };
}

function shown({ startedAt, finishedAt, failure, ...collection }: Collection): object {
  return {
    ...collection,
    ...(startedAt > 0 && { startedAt: time(startedAt) }),
    ...(finishedAt > 0 && { finishedAt: time(finishedAt) }),
    ...(failure !== '' && { failure }),
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

const body = z.strictObject({ agreed: z.boolean().optional() });

function parseBody(bytes: Buffer): z.infer<typeof body> {
  if (bytes.length === 0) return {};
  try {
    return body.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new RegistryError(
      'REQUEST_INVALID',
      'The body must be empty or JSON such as {"agreed": true}, which lets a collection go by a catalog that was restored or exchanged.',
      { cause },
    );
  }
}
