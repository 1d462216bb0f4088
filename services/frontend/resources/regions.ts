import { z } from 'zod';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RegionChanged } from '#types/meridian/v1/RegionChanged.ts';
import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import { readBody } from '../http/body.ts';
import { pathParameter, queryParameter, type Handler, type RequestContext } from '../http/context.ts';
import { tellPosition } from '../http/freshness.ts';
import { judgeRemoval } from './region-removal.ts';

const MAX_BODY_BYTES = 64 * 1024;

/** The cluster's regions, as the quorum has them. */
export function listRegions({ catalog, settings }: Frontend): Handler {
  return async (ctx) => {
    const { regions, position } = await catalog.listRegions({}, { signal: ctx.state.signal });
    tellPosition(ctx, position, settings);
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, { regions: regions.map(({ version: _version, ...region }) => region) });
  };
}

/** Adds a region, which can then be started; 201 where it was not there before. */
export function addRegion(frontend: Frontend): Handler {
  return async (ctx) => {
    const region = pathParameter(ctx, 'region');
    const { endpoint, labels = {} } = await parsed(
      ctx,
      addition,
      '{"endpoint": "sa.example.net:5100"}, with "labels" where there are any',
    );
    const changed = await frontend.catalog.addRegion(
      { region, endpoint, labels },
      { signal: ctx.state.signal },
    );
    tellRegion(frontend, ctx, changed);
    ctx.status = changed.added ? 201 : 200;
  };
}

/** Drains a region, or has it go on; changes its labels. */
export function changeRegion(frontend: Frontend): Handler {
  return async (ctx) => {
    const region = pathParameter(ctx, 'region');
    const { state = '', labels } = await parsed(
      ctx,
      change,
      '{"state": "draining"}, "state" being "active" or "draining", or {"labels": {…}}',
    );
    const request = { region, state, setsLabels: labels !== undefined, labels: labels ?? {} };
    tellRegion(frontend, ctx, await frontend.catalog.changeRegion(request, { signal: ctx.state.signal }));
  };
}

/** Takes a region out of the cluster, once nothing would be lost by it or, with `?force=true`, in any case. */
export function removeRegion(frontend: Frontend): Handler {
  return async (ctx) => {
    const region = pathParameter(ctx, 'region');
    const force = queryParameter(ctx, 'force') === 'true';
    const { signal } = ctx.state;
    const { version, mayBeLost } = await judgeRemoval(frontend, region, force, signal);
    const removed = await frontend.catalog.removeRegion({ region, version, force }, { signal });
    tellRegion(frontend, ctx, removed, { removed: true, ...(mayBeLost === undefined ? {} : { mayBeLost }) });
  };
}

function tellRegion(
  { settings }: Frontend,
  ctx: RequestContext,
  { region, position, shortfalls }: RegionChanged,
  more: object = {},
): void {
  if (region === null) throw new RegistryError('INTERNAL', 'The catalog answered without a region.');
  const { version: _version, ...shown } = region;
  tellPosition(ctx, position, settings);
  ctx.set('Cache-Control', 'no-store');
  answerJson(ctx, {
    ...shown,
    ...more,
    // Pushes there fail until there are more regions, or the durability is lower.
    ...(shortfalls.length === 0 ? {} : { shortfalls: shortfalls.map(told) }),
  });
}

function told({ repository, durability, regions }: RegionChanged['shortfalls'][number]): object {
  if (repository === '') return { defaults: true, durability };
  return { repository, durability, ...(regions.length > 0 && { regions }) };
}

const labels = z.record(z.string(), z.string()).optional();
const addition = z.strictObject({ endpoint: z.string(), labels });
const change = z
  .strictObject({ state: z.enum(['active', 'draining']).optional(), labels })
  .refine((body) => body.state !== undefined || body.labels !== undefined);

async function parsed<T>(ctx: RequestContext, schema: z.ZodType<T>, expected: string): Promise<T> {
  const bytes = await readBody(ctx, 'description of a region', MAX_BODY_BYTES);
  try {
    return schema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new RegistryError('REQUEST_INVALID', `The body should be JSON such as ${expected}.`, { cause });
  }
}
