import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStorage } from '#services/storage/service.ts';
import { defaultStorageSettings } from '#services/storage/settings.ts';
import { memoryRegions, regionsOver, type TestRegion } from '#test/support/memory/region.ts';

export interface OpenRegions {
  readonly us: TestRegion;
  readonly eu: TestRegion;
  readonly close: () => Promise<void>;
}

/** The two kinds of store that a front end must work over alike. */
export const stores: [kind: string, open: () => Promise<OpenRegions>][] = [
  ['in memory', async () => ({ ...memoryRegions('us', 'eu'), close: async () => undefined })],
  ['on disk', openOnDisk],
];

async function openOnDisk(): Promise<OpenRegions> {
  const dir = await mkdtemp(join(tmpdir(), 'meridian-frontend-'));
  const open = async (region: string): ReturnType<typeof openStorage> =>
    openStorage({ dataDir: join(dir, region), region, settings: defaultStorageSettings });
  const us = await open('us');
  const eu = await open('eu');
  return {
    ...regionsOver({ us, eu }),
    close: async () => {
      await Promise.all([us.stop(0), eu.stop(0)]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
