import type { TestProject } from 'vitest/node';
import { REGIONS, startCluster, type RegionName } from './cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of each region's front end. */
    registries: Record<RegionName, string>;
    /** Where the regions keep their data and logs. */
    dataDir: string;
  }
}

/** Vitest's set-up of the tests that share one cluster of three regions; what they store, they store in repositories of their own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await startCluster();
  const registries = REGIONS.map((region) => [region, cluster.registry(region)] as const);
  project.provide('registries', Object.fromEntries(registries) as Record<RegionName, string>);
  project.provide('dataDir', cluster.dataDir);
  return () => cluster.dispose();
}
