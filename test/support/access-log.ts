import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegionName } from './cluster.ts';

/** What a region's access log says of one request. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Bytes of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** The requests within a repository, or within all below a name, that a region has answered so far, in the order in which they ended. */
export async function loggedRequests(
  dataDir: string,
  region: RegionName,
  within: string,
): Promise<LoggedRequest[]> {
  const text = await readFile(join(dataDir, region, 'log.jsonl'), 'utf8');
  const lines = text.split('\n').filter((line) => line.includes(`/v2/${within}/`) && line.endsWith('}'));
  const entries = lines.map((line) => JSON.parse(line) as LoggedRequest & { msg?: string });
  return entries.filter(({ msg, path }) => msg === 'request' && path.startsWith(`/v2/${within}/`));
}

/** How many blobs a repository got: taken over from others without their bytes, and uploaded. */
export async function blobsGot(
  dataDir: string,
  region: RegionName,
  repository: string,
): Promise<{ mounted: number; uploaded: number }> {
  const requests = await loggedRequests(dataDir, region, repository);
  const created = requests.filter(({ path, status }) => path.includes('/blobs/uploads/') && status === 201);
  const mounted = created.filter(({ method, bytesIn }) => method === 'POST' && bytesIn === 0).length;
  return { mounted, uploaded: created.length - mounted };
}
