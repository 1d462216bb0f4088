import { z } from 'zod';
import type { Value } from './env.ts';
import { regionName } from './values.ts';

/** `us=200,eu=50`: Mbit/s by region. */
export const mbitByRegion: Value<Readonly<Record<string, number>>> = z
  .string()
  .transform((text, context) => {
    const limits = text.split(',').map((part) => parseLimit(part.trim()));
    const known = limits.filter((limit) => limit !== undefined);
    if (new Set(known.map(([name]) => name)).size === limits.length) return Object.fromEntries(known);
    context.addIssue('name=Mbit/s for each region, separated by commas, each name once');
    return z.NEVER;
  })
  .describe('name=Mbit/s for regions, separated by commas, such as us=200,eu=50');

function parseLimit(text: string): readonly [string, number] | undefined {
  const [name = '', mbit = '', ...more] = text.split('=');
  const valid = regionName.safeParse(name).success && /^\d+(\.\d+)?$/.test(mbit) && more.length === 0;
  return valid && Number(mbit) > 0 ? [name, Number(mbit)] : undefined;
}
