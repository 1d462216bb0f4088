import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { blobsGot, loggedRequests, type LoggedRequest } from './access-log.ts';
import { REGIONS, type RegionName } from './cluster.ts';
import { send } from './registry-client.ts';

/** What the tests of one client share: a cluster that others use too, and a directory of their own. */
export interface ClientSuite {
  /** `host:port` of a region's front end. */
  readonly registry: (region: RegionName) => string;
  readonly port: (region: RegionName) => number;
  /** A path in a directory that goes away with the suite. */
  readonly path: (...parts: string[]) => string;
  /** What a region says of a tag or digest; throws unless it is there. */
  readonly digestIn: (region: RegionName, repository: string, reference: string) => Promise<string>;
  /** What a region's access log says of a repository. */
  readonly requests: (region: RegionName, repository: string) => Promise<LoggedRequest[]>;
  /** How many blobs of a repository were mounted and how many uploaded, by a region's access log. */
  readonly blobsGot: (region: RegionName, repository: string) => ReturnType<typeof blobsGot>;
}

/** Log lines are written, and lists are current, a moment after the answer. */
export const SOON = { timeout: 20_000 };

/** For the suite in which it is called, all of whose repositories are below `name`: none of its requests may be answered with a 5xx. */
export function clientSuite(name: string): ClientSuite {
  const registries = inject('registries');
  const dataDir = inject('dataDir');
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-clients-'));
  });
  afterAll(async () => {
    await rm(scratch, { recursive: true, force: true });
    const answered = await Promise.all(REGIONS.map((region) => loggedRequests(dataDir, region, name)));
    expect(answered.flat().filter(({ status }) => status >= 500)).toEqual([]);
  });
  return {
    registry: (region) => registries[region],
    port: (region) => Number(registries[region].split(':')[1]),
    path: (...parts) => join(scratch, ...parts),
    digestIn: async (region, repository, reference) => {
      const path = `/v2/${repository}/manifests/${reference}`;
      const { status, headers } = await send(registries[region], 'HEAD', path);
      if (status !== 200) throw new Error(`HEAD of ${path} in ${region} gave ${status}`);
      return String(headers['docker-content-digest']);
    },
    requests: (region, repository) => loggedRequests(dataDir, region, repository),
    blobsGot: (region, repository) => blobsGot(dataDir, region, repository),
  };
}
