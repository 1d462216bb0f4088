import type { Services } from 'etcd3';
import { UnavailableError } from './errors.ts';
import type { Connection, Member } from './member.ts';

/** Time for a connection to be made: a few round trips across the world. */
const CONNECT_TIMEOUT_MS = 2_000;

/** A connection that is there, and whose it is. */
export interface Ready extends Pick<Connection, 'client' | 'metadata'> {
  readonly member: Member;
}

/**
 * The connected members for one call, the preferred first. A member that is connecting is waited for, once; one that can't be reached is passed over, and
 * while none can be, all are waited for together. Nothing has been sent when this throws.
 */
export async function* readyMembers(
  members: readonly Member[],
  service: keyof typeof Services,
  signal: AbortSignal,
): AsyncGenerator<Ready, void, undefined> {
  let found = false;
  for (const member of members) {
    const connection = await member.connection(service);
    if (!(await isReady(member, connection.client, signal))) continue;
    found = true;
    yield { member, ...connection };
  }
  if (!found) yield await firstReady(members, service, signal);
}

type Client = Connection['client'];

// grpc-js's connectivityState, which etcd3 does not hand on.
const CONNECTING = 1;
const READY = 2;
const TRANSIENT_FAILURE = 3;

async function isReady(member: Member, client: Client, signal: AbortSignal): Promise<boolean> {
  const channel = client.getChannel();
  const deadline = Date.now() + CONNECT_TIMEOUT_MS;
  for (;;) {
    signal.throwIfAborted();
    const known = channel.getConnectivityState(true);
    const state: number = known;
    if (state === READY) member.slowToConnect = false;
    if (state === READY) return true;
    if (state === TRANSIENT_FAILURE || (state === CONNECTING && member.slowToConnect)) return false;
    const changed = await new Promise<boolean>((resolve) => {
      channel.watchConnectivityState(known, deadline, (error) => resolve(error === undefined));
    });
    if (!changed) member.slowToConnect = true;
    if (!changed) return false;
  }
}

async function firstReady(
  members: readonly Member[],
  service: keyof typeof Services,
  signal: AbortSignal,
): Promise<Ready> {
  const deadline = Date.now() + CONNECT_TIMEOUT_MS;
  try {
    return await Promise.any(
      members.map(async (member) => {
        const connection = await member.connection(service);
        await new Promise<void>((resolve, reject) => {
          connection.client.waitForReady(deadline, (error) => (error ? reject(error) : resolve()));
        });
        return { member, ...connection };
      }),
    );
  } catch (error) {
    signal.throwIfAborted();
    const names = members.map(({ name }) => name).join(', ');
    throw new UnavailableError(
      `etcd can't be reached at ${names}; nothing was sent. Check that it runs, and the network to it.`,
      { outcomeUnknown: false, cause: error },
    );
  }
}
