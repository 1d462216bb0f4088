import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { distribution } from './distribution.ts';
import type { StartServer } from './server.ts';
import { zot } from './zot.ts';

/** How the peers are started that there are: those whose binaries were named, and Debian's docker-registry where it is installed. */
export function findPeers(
  named: ReadonlyMap<string, string>,
  path: string,
  wanted: readonly string[] | undefined,
): StartServer[] {
  const binaries = new Map(named);
  const installed = onPath('docker-registry', path);
  if (installed !== undefined && !binaries.has('distribution2')) binaries.set('distribution2', installed);
  return [...binaries]
    .filter(([name]) => wanted?.includes(name) ?? true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, binary]) => (name === 'zot' ? zot(name, binary) : distribution(name, binary)));
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
