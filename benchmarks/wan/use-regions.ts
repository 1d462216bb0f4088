import type { Context } from '../measure/context.ts';
import type { Regions } from './regions.ts';

/** Lets a scenario use regions, and ends them whatever happens. */
export async function useRegions<R extends Regions, T>(
  context: Context,
  regions: R,
  use: (regions: R) => Promise<T>,
): Promise<T> {
  try {
    const { version, durability } = regions.origin;
    context.onServer({ name: regions.name, version, durability });
    return await use(regions);
  } finally {
    await regions.stop();
  }
}
