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
    case 'damaged':
      return `damaged  ${short(event.digest)}  ${bytes(event.size)}: ${event.why}; it is fetched again`;
    case 'healed':
      return `healed   ${short(event.digest)}  ${bytes(event.size)} from ${event.from}`;
    case 'blob-lost':
      return `missing  ${short(event.digest)}  ${bytes(event.size)}: no region that answers has it`;
    case 'collected':
      return `collect  removed ${event.blobs} blobs that nothing needed (${bytes(event.bytes)})`;
    case 'filling': {
      const { blobs, wantedBlobs, bytesPerSecond, secondsLeft } = event;
      const held = `${blobs} of ${wantedBlobs} blobs, ${bytes(event.bytes)} of ${bytes(event.wantedBytes)}`;
      return `filling  holds ${held}, ${bytes(bytesPerSecond)}/s${secondsLeft === 0 ? '' : `, about ${secondsLeft} s left`}`;
    }
    case 'region-added':
      return `cluster  region ${event.region} was added`;
    case 'region-removed':
      return `cluster  region ${event.region} was removed`;
    case 'region-state':
      return event.state === 'draining'
        ? `cluster  region ${event.region} is being drained: it takes no new content`
        : `cluster  region ${event.region} is active again`;
    case 'drained':
      return 'drained  nothing is lost if this region is removed now';
    case 'untagged-removed':
      return `untagged ${event.repository}  removed ${event.manifests} manifests that nothing kept any longer`;
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
