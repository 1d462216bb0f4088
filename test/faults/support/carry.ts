import type { Socket } from 'node:net';
import type { Link } from './links.ts';

interface Parcel {
  /** Undefined: the connection's end. */
  readonly chunk: Buffer | undefined;
  readonly dueAt: number;
}

/** Carries what one socket receives to the other over a link: as late, as fast and as long as its state lets it, also the end. */
export function carry(from: Socket, to: Socket, link: Link): void {
  const underWay: Parcel[] = [];
  let underWayBytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const send = (chunk: Buffer | undefined): void => {
    const size = chunk?.length ?? 0;
    underWay.push({ chunk, dueAt: link.take(size, performance.now()) });
    underWayBytes += size;
    if (underWayBytes > link.state.windowBytes) from.pause();
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
    if (underWayBytes <= link.state.windowBytes) from.resume();
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
