import type { RequestContext } from './context.ts';

/** Names the regions that have taken the place of this one, which is away in part. */
export function tellRegionsUsed(ctx: RequestContext): void {
  if (ctx.headerSent) return;
  const regions = ctx.state.regionsUsed();
  if (regions.length > 0) ctx.set('Meridian-Served-By', regions.join(', '));
}
