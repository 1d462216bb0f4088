import { z } from 'zod';
import type { Value } from './env.ts';
import { hostPort, regionName } from './values.ts';

/** A region as the environment names it. */
export interface ConfiguredRegion {
  readonly name: string;
  /** `host:port` of its replication service, where other regions reach it. */
  readonly endpoint: string;
}

/** `us=host:port,eu=host:port,…`: regions and where their replication services answer other regions. */
export const regionList: Value<readonly ConfiguredRegion[]> = z
  .string()
  .transform((text, context) => {
    const regions = text.split(',').map((part) => parseRegion(part.trim()));
    const known = regions.filter((region) => region !== undefined);
    const names = new Set(known.map(({ name }) => name));
    if (names.size === regions.length) return known;
    context.addIssue('name=host:port for each region, separated by commas, each name once');
    return z.NEVER;
  })
  .describe('name=host:port for each region, separated by commas, such as us=10.0.0.1:5100,eu=10.1.0.1:5100');

function parseRegion(text: string): ConfiguredRegion | undefined {
  const [name = '', endpoint = ''] = text.split('=');
  const valid = regionName.safeParse(name).success && hostPort.safeParse(endpoint).success;
  return valid ? { name, endpoint } : undefined;
}
