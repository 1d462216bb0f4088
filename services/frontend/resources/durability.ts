import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { formatReference, parseReference, type Reference } from '#libs/oci/reference.ts';
import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import {
  queryParameter,
  queryParameters,
  repositoryOf,
  type Handler,
  type RequestContext,
} from '../http/context.ts';
import { parseDuration } from '../http/duration.ts';
import { readFreshness, tellPosition } from '../http/freshness.ts';
import { followDurability, untilKnown, type RegionState } from './durability-wait.ts';

const MAX_WAIT_MS = 600_000;
/** What regions may take to answer where nothing is to be waited for. */
const ANSWER_MS = 2_000;
/** Requests that wait in this process at the same time. */
const MAX_WAITING = 1_000;
const MAX_REGIONS = 64;

/**
 * Whether all that a tag or digest stands for is held by the regions named or, where none is, by as many as the repository's durability asks;
 * with `wait`, as soon as it is.
 */
export function readDurability(frontend: Frontend): Handler {
  let waiting = 0;
  return async (ctx) => {
    if (waiting >= MAX_WAITING) throw tooMany();
    waiting += 1;
    try {
      await tellDurability(frontend, ctx);
    } finally {
      waiting -= 1;
    }
  };
}

async function tellDurability(frontend: Frontend, ctx: RequestContext): Promise<void> {
  const repository = repositoryOf(ctx);
  const reference = formatReference(readReference(ctx));
  const named = readRegions(ctx);
  const wait = queryParameter(ctx, 'wait');
  const waitMs = wait === undefined ? 0 : parseDuration('wait', wait, MAX_WAIT_MS);
  const endMs = performance.now() + waitMs;
  const leftMs = (): number => Math.max(0, endMs - performance.now());
  const { signal } = ctx.state;

  const request = { repository, reference, freshness: readFreshness(ctx) };
  const asked = await untilKnown(frontend, request, leftMs, signal);
  const { manifest, position } = asked;
  const digest = manifest?.digest ?? '';
  const all = named.length > 0 ? named : asked.regions;
  const count = named.length > 0 ? named.length : asked.count;
  const question = {
    ...{ repository, digest, count, regions: all, leftMs },
    position: { catalogId: position?.catalogId ?? '', revision: position?.revision ?? 0 },
  };
  const limitMs = Math.max(Math.ceil(leftMs()), ANSWER_MS);
  const regions = await followDurability(frontend.operations, question, limitMs, signal);
  tellPosition(ctx, position, frontend.settings);
  const held = regions.filter(({ durable }) => durable).length;
  const told: Told = {
    ...{ digest, regions, durable: held >= count },
    ...(asked.placement.length > 0 && { placement: asked.placement }),
  };
  if (!told.durable) throw notYet(reference, told, count);
  ctx.set('Cache-Control', 'no-store');
  answerJson(ctx, told);
}

interface Told {
  readonly digest: string;
  readonly regions: readonly RegionState[];
  readonly durable: boolean;
  /** The regions that the content may be in, where these are not all. */
  readonly placement?: readonly string[];
}

/** Throws REQUEST_INVALID, TAG_INVALID or DIGEST_INVALID. */
function readReference(ctx: RequestContext): Reference {
  const reference = queryParameter(ctx, 'reference');
  if (reference !== undefined) return parseReference(reference);
  throw new RegistryError(
    'REQUEST_INVALID',
    'The parameter reference is missing; expected a tag or a digest.',
  );
}

/** Each once. Throws REQUEST_INVALID. */
function readRegions(ctx: RequestContext): string[] {
  const regions = [...new Set(queryParameters(ctx, 'region'))];
  if (regions.length <= MAX_REGIONS && !regions.includes('')) return regions;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The parameter region should name a region, and come at most ${MAX_REGIONS} times; what came is ${quote(regions.slice(0, 3).join(', '))}.`,
  );
}

function notYet(reference: string, told: Told, count: number): RegistryError {
  const { regions } = told;
  const missing = regions.filter(({ durable }) => !durable).map(({ region }) => region);
  return new RegistryError(
    'UNAVAILABLE',
    `What ${reference} stands for should be durable in ${count} of the regions ${regions.map(({ region }) => region).join(', ')}, ` +
      `but is not yet in ${missing.join(', ')}. Ask again, with wait to be told as soon as it is.`,
    { detail: told, retryAfterSeconds: 5 },
  );
}

function tooMany(): RegistryError {
  return new RegistryError(
    'TOOMANYREQUESTS',
    `${MAX_WAITING} requests wait for content at this front end already; ask again in a moment.`,
    { retryAfterSeconds: 5 },
  );
}
