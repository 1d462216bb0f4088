import type { Services } from 'etcd3';
import { callHeaders, type Caller } from './call.ts';
import { UnavailableError } from './errors.ts';
import type { Connection } from './member.ts';
import { readyMembers } from './members.ts';

/** A call whose requests and responses are streams: grpc-js's ClientDuplexStream. */
export interface Duplex extends AsyncIterable<unknown> {
  write(message: object): void;
  cancel(): void;
}

type Method = (metadata: Connection['metadata']) => Duplex;

/** Opens a stream to the first member that is connected; whoever opens it cancels it. */
export async function openStream(
  { members }: Caller,
  service: keyof typeof Services,
  method: string,
  signal: AbortSignal,
): Promise<{ stream: Duplex; member: string }> {
  for await (const { member, client, metadata } of readyMembers(members, service, signal)) {
    const stub = (client as unknown as Record<string, Method>)[method];
    if (stub === undefined) throw new Error(`etcd3 has no method ${method}.`);
    return { stream: stub.call(client, callHeaders(metadata)), member: member.name };
  }
  throw new UnavailableError('There is no etcd member to ask.', { outcomeUnknown: false });
}
