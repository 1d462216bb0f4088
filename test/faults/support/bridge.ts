import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { carry } from './carry.ts';
import type { Links } from './links.ts';

/** Where a connection goes. */
export interface Destination {
  /** The place at the links' other end. */
  readonly place: string;
  /** The port of 127.0.0.1 that really listens. */
  readonly port: number;
}

/** Joins a client in a place to a destination over the links between them. Connecting takes a round trip, and as long as one of the directions is cut. */
export async function bridge(
  place: string,
  destination: Destination,
  links: Links,
  client: Socket,
): Promise<void> {
  const there = links.link(place, destination.place);
  const back = links.link(destination.place, place);
  for (const link of [there, back]) {
    await new Promise((resolve) => setTimeout(resolve, link.state.delayMs));
    await link.untilMoving();
  }
  if (there.state.flow !== 'open' || back.state.flow !== 'open' || client.destroyed)
    throw new Error('There is no way.');
  const server = connect(destination.port, '127.0.0.1');
  server.on('error', () => client.destroy());
  await once(server, 'connect');
  carry(client, server, there);
  carry(server, client, back);
}
