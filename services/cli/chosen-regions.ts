import { z } from 'zod';
import type { Api } from './api/client.ts';
import { wrongUsage } from './exit.ts';

/** Options of commands that have regions do something. */
export const REGION_OPTIONS = {
  region: { type: 'string', multiple: true },
  all: { type: 'boolean' },
} as const;

export const REGION_HELP = `  --region REGION  where; may be given several times
  --all            in all regions at once`;

interface Chosen {
  readonly region?: string[] | undefined;
  readonly all?: boolean | undefined;
}

const known = z.object({ regions: z.array(z.object({ region: z.string() })) });

/** At least one, each once. */
export async function chosenRegions(
  { region = [], all = false }: Chosen,
  api: Api,
  signal: AbortSignal,
): Promise<string[]> {
  if (all === region.length > 0) throw wrongUsage('Which region? Expected --region REGION, or --all.');
  if (!all) return [...new Set(region)];
  const { regions } = await api.request(known, 'GET', '/regions', { signal });
  return regions.map((found) => found.region);
}

export function onlyRegion({ region = [], all = false }: Chosen): string {
  const [first, second] = region;
  if (first !== undefined && second === undefined && !all) return first;
  throw wrongUsage('Which region? Expected one --region REGION.');
}
