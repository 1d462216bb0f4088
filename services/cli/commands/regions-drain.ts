import type { Api } from '../api/client.ts';
import { readStatus, type Drain } from '../api/status.ts';
import type { Tools } from '../command.ts';
import { EXIT, Exit } from '../exit.ts';
import { follow } from '../long-work.ts';
import { formatBytes } from '../output/format.ts';
import { printable } from '../output/width.ts';

interface Drained {
  readonly region: string;
  /** Absent while the region can't be asked, or has not looked yet. */
  readonly drain?: Drain | undefined;
  readonly unreachable?: string | undefined;
}

/** Watches a draining region until nothing is left that only it has. */
export async function drainRegion(api: Api, name: string, tools: Tools): Promise<Drained> {
  const read = async (signal: AbortSignal): Promise<Drained> => {
    const { regions } = await readStatus(api, signal);
    const found = regions.find(({ region }) => region === name);
    if (found === undefined || found.state === 'active') {
      const now = found === undefined ? 'is no longer a region of the cluster' : 'was made active again';
      throw new Exit(EXIT.notSo, `${printable(name)} ${now} while it drained.`);
    }
    return { region: name, drain: found.drain, unreachable: found.unreachable };
  };
  let most = 0;
  return follow(
    {
      label: name,
      noun: 'blob',
      start: read,
      read,
      isRunning: ({ drain }) => drain?.drained !== true,
      progress: ({ drain, unreachable }) => {
        if (drain?.finishedAt === undefined) {
          const note = unreachable === undefined ? 'being looked at' : "can't be asked";
          return { done: drain?.checkedBlobs ?? 0, note };
        }
        const left = drain.soleBlobs + drain.solePins;
        most = Math.max(most, left);
        return { done: most - left, total: most, note: `${formatBytes(drain.soleBytes)} left` };
      },
      goesOn: `${name} goes on draining; "meridian regions activate ${name}" has it stay.`,
    },
    tools,
  );
}
