import type { RegionStatus, Status } from '../api/status.ts';
import { countOf, formatBytes, formatDuration, formatTime } from '../output/format.ts';

/** When each region last had read again all that it holds, and what was wrong. */
export function describeScrubbed({ regions }: Status): string {
  const told = regions.flatMap(({ region, scrub }) => {
    if (scrub === undefined || scrub === null) return [];
    const { last, current, maxBytesPerSecond } = scrub;
    if (last?.endedAt !== undefined) {
      const { damaged, missing } = last;
      const wrong = damaged + missing === 0 ? '' : ` (${damaged} damaged, ${missing} missing)`;
      return [`${region} ${formatTime(last.endedAt)}${wrong}`];
    }
    if (current !== null) return [`${region} for the first time since ${formatTime(current.begunAt)}`];
    return [`${region} ${maxBytesPerSecond === 0 ? 'only on demand' : 'not yet'}`];
  });
  return told.length === 0 ? 'unknown' : told.join('; ');
}

/** How much there is, and how long it is kept. */
export function describeQuarantine({ regions }: Status): string {
  const told = regions.filter(({ quarantineBlobs }) => quarantineBlobs !== undefined);
  if (told.length === 0) return 'unknown';
  const full = told.filter(({ quarantineBlobs = 0 }) => quarantineBlobs > 0);
  if (full.length > 0) return full.map(describeOne).join('; ');
  const lifetimes = new Set(told.map(lifetimeOf));
  return `nothing; what is damaged is kept for ${[...lifetimes].join(' or ')}`;
}

function describeOne(status: RegionStatus): string {
  const { region, quarantineBlobs = 0, quarantineBytes = 0 } = status;
  const kept = `${countOf(quarantineBlobs, 'blob')}, ${formatBytes(quarantineBytes)}`;
  return `${region} ${kept}, each for ${lifetimeOf(status)}`;
}

function lifetimeOf({ quarantineLifetimeMs = 0 }: RegionStatus): string {
  return formatDuration(quarantineLifetimeMs);
}
