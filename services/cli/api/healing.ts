import { z } from 'zod';
import { pathOf, type Api } from './client.ts';

/** A verification or repair: `GET /meridian/v1/regions/<region>/verify`. */
export const healingReport = z.looseObject({
  region: z.string(),
  running: z.boolean(),
  repository: z.string().optional(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  failure: z.string().optional(),
  total: z.number(),
  checked: z.number(),
  bytes: z.number(),
  damaged: z.number(),
  missing: z.number(),
  repaired: z.number(),
  lost: z.number(),
  digests: z.object({
    damaged: z.array(z.string()),
    missing: z.array(z.string()),
    lost: z.array(z.string()),
  }),
});

export type HealingReport = z.infer<typeof healingReport>;
export type HealingWork = 'verify' | 'repair';

/** The one that runs, or the last one; without `startedAt` there was none. */
export function readHealing(
  api: Api,
  region: string,
  work: HealingWork,
  signal: AbortSignal,
): Promise<HealingReport> {
  return api.request(healingReport, 'GET', pathOf('regions', region, work), { signal });
}
