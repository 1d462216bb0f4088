import type { RegionEvent } from '#libs/region-event.ts';

/** The line that `npm start` prints for an event: the time, the region it happened in, and what happened. */
export function eventLine(region: string, event: RegionEvent, at: Date): string {
  return line(at, region, describe(event));
}

/** A line of the launcher's own. */
export function line(at: Date, region: string, text: string): string {
  return `${at.toTimeString().slice(0, 8)}  ${region.padEnd(4)} ${text}`;
}

function describe(event: RegionEvent): string {
  switch (event.kind) {
    case 'push': {
      const name = event.tags.length === 0 ? event.repository : `${event.repository}:${event.tags.join(',')}`;
      return `push     ${name}  ${short(event.digest)}  ${bytes(event.size)}, durable in ${event.durableRegions.join(', ')}`;
    }
    case 'delete':
      return `delete   ${event.repository}  ${event.reference}`;
    case 'replica':
      return `replica  ${short(event.digest)}  ${bytes(event.size)} from ${event.from}`;
    case 'caught-up':
      return `whole    holds all ${event.blobs} blobs it should (${bytes(event.bytes)}), up to revision ${event.revision}`;
    case 'region-lost':
      return `lost     cannot reach region ${event.region}: ${event.reason}`;
    case 'region-back':
      return `back     reaches region ${event.region} again`;
  }
}

function short(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}

/** A number of bytes for people: three significant digits, powers of 1000. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  const unit = units[power] ?? 'B';
  return `${Number((count / 1000 ** power).toPrecision(3))} ${unit}`;
}
