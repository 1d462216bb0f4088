import type { Services } from 'etcd3';
import { callHeaders, type Caller } from './call.ts';
import { fromCallFailure, UnavailableError } from './errors.ts';
import type { Connection, Member } from './member.ts';
import { readyMembers } from './members.ts';
import { isCallFailure } from './status.ts';

/** A call whose requests and responses are streams: grpc-js's ClientDuplexStream. */
export interface Duplex extends AsyncIterable<unknown> {
  write(message: object): void;
  cancel(): void;
}

type Method = (metadata: Connection['metadata']) => Duplex;

export interface OpenedStream {
  readonly stream: Duplex;
  readonly member: string;
  /** The member refused what was asked, perhaps for the token: the next stream has another. */
  readonly forgetToken: () => void;
}

/** Opens a stream to the first member that is connected; whoever opens it cancels it. */
export async function openStream(
  { members }: Caller,
  service: keyof typeof Services,
  method: string,
  signal: AbortSignal,
): Promise<OpenedStream> {
  for await (const { member, client, metadata } of readyMembers(members, service, signal)) {
    const stub = (client as unknown as Record<string, Method>)[method];
    if (stub === undefined) throw new Error(`etcd3 has no method ${method}.`);
    const token = await tokenOf(member);
    return {
      stream: stub.call(client, callHeaders(metadata, token)),
      member: member.name,
      forgetToken: () => member.token?.forget(token),
    };
  }
  throw new UnavailableError('There is no etcd member to ask.', { outcomeUnknown: false });
}

async function tokenOf({ name, token }: Member): Promise<string | undefined> {
  try {
    return await token?.get();
  } catch (error) {
    throw isCallFailure(error) ? fromCallFailure(error, name, false) : error;
  }
}
