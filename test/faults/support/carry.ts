import type { Socket } from 'node:net';
import type { Link } from './links.ts';

/** Bytes that are under way in one direction of a connection before its sender has to wait. */
const MAX_UNDER_WAY = 4 * 1024 * 1024;

interface Parcel {
  /** Undefined: the connection's end. */
  readonly chunk: Buffer | undefined;
  readonly dueAt: number;
}

/** Carries what one socket receives to the other over a link: as late, as fast and as long as its state lets it, also the end. */
export function carry(from: Socket, to: Socket, link: Link): void {
  const underWay: Parcel[] = [];
  let underWayBytes = 0;
  let sentAt = 0;
  let timer: NodeJS.Timeout | undefined;

  const send = (chunk: Buffer | undefined): void => {
    const { delayMs, bytesPerSecond } = link.state;
    const size = chunk?.length ?? 0;
    sentAt = Math.max(sentAt, performance.now()) + (1_000 * size) / bytesPerSecond;
    underWay.push({ chunk, dueAt: sentAt + delayMs });
    underWayBytes += size;
    if (underWayBytes > MAX_UNDER_WAY) from.pause();
    deliver();
  };
  const deliver = (): void => {
    clearTimeout(timer);
    while (link.state.flow === 'open' && !to.writableNeedDrain) {
      const next = underWay[0];
      if (next === undefined) return;
      const earlyMs = next.dueAt - performance.now();
      if (earlyMs > 0) {
        timer = setTimeout(deliver, earlyMs);
        return;
      }
      underWay.shift();
      arrive(next.chunk);
    }
  };
  const arrive = (chunk: Buffer | undefined): void => {
    if (chunk === undefined) {
      to.destroy();
      return;
    }
    underWayBytes -= chunk.length;
    link.bytes += chunk.length;
    if (underWayBytes <= MAX_UNDER_WAY) from.resume();
    to.write(chunk);
  };
  const change = (): void => {
    if (link.state.flow !== 'broken') {
      deliver();
      return;
    }
    from.destroy();
    to.destroy();
  };

  link.on('change', change);
  from.on('data', send);
  from.once('close', () => send(undefined));
  to.on('drain', deliver);
  to.once('close', () => {
    link.off('change', change);
    clearTimeout(timer);
  });
}
