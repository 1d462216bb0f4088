import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { distribution, distributionCache } from './distribution.ts';
import type { StartServer } from './server.ts';
import { zot } from './zot.ts';

/** A registry to be measured beside Meridian. */
export interface Peer {
  readonly name: string;
  readonly start: StartServer;
  /** The same as a cache of a registry that is reached at `upstream`; undefined where it can't stream what it caches. */
  readonly cache: ((upstream: string) => StartServer) | undefined;
}

/** Those that there are and are wanted: whose binaries were named, and Debian's docker-registry where it is installed. */
export function findPeers(
  named: ReadonlyMap<string, string>,
  path: string,
  wanted: readonly string[] | undefined,
): Peer[] {
  const binaries = new Map(named);
  const installed = onPath('docker-registry', path);
  if (installed !== undefined && !binaries.has('distribution2')) binaries.set('distribution2', installed);
  return [...binaries]
    .filter(([name]) => wanted?.includes(name) ?? true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, binary]) => {
      if (name === 'zot') return { name, start: zot(name, binary), cache: undefined };
      const cache = (upstream: string): StartServer => distributionCache(name, binary, upstream);
      return { name, start: distribution(name, binary), cache };
    });
}

function onPath(program: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
