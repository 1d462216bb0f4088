import type { Services } from 'etcd3';
import { outgoingTraceHeaders, SpanKind, withSpan } from '#libs/telemetry/trace.ts';
import { fromCallFailure } from './errors.ts';
import type { Connection, Member } from './member.ts';
import { readyMembers } from './members.ts';
import { isTokenRefused } from './login.ts';
import { isCallFailure, isRefusal, isWithoutLeader } from './status.ts';

export interface CallOptions {
  readonly service: keyof typeof Services;
  readonly method: string;
  /** A read may be asked of the next member when one does not answer; a write never is. */
  readonly kind: 'read' | 'write';
}

export interface Caller {
  readonly members: readonly Member[];
  readonly callTimeoutMs: number;
}

type Method = (
  request: object,
  metadata: Connection['metadata'],
  options: { deadline: number },
  callback: (error: Error | null, response: unknown) => void,
) => { cancel(): void };

/** One unary call, to the first member that is connected. Throws the errors of errors.ts, or the signal's reason. */
export function unaryCall<Response>(
  { members, callTimeoutMs }: Caller,
  { service, method, kind }: CallOptions,
  request: object,
  signal: AbortSignal,
): Promise<Response> {
  return withSpan(`etcd.${method}`, { kind: SpanKind.CLIENT, step: true, signal }, async (span) => {
    const deadline = Date.now() + callTimeoutMs;
    let failure: unknown;
    for await (const { member, client, metadata } of readyMembers(members, service, signal)) {
      span.setAttribute('server.address', member.name);
      const sent = { yet: false };
      try {
        return await withToken(member, (token) => {
          sent.yet = true;
          const headers = callHeaders(metadata, token);
          return send(client, method, request, headers, deadline, signal) as Promise<Response>;
        });
      } catch (error) {
        if (signal.aborted || !isCallFailure(error)) throw error;
        const unsent = !sent.yet || isWithoutLeader(error);
        failure = fromCallFailure(error, member.name, kind === 'write' && !unsent);
        if (isRefusal(error) || (kind === 'write' && !unsent)) throw failure;
      }
    }
    throw failure;
  });
}

/** The headers of a call: who asks; a member that has lost the others refuses it at once; and the trace goes on. */
export function callHeaders(
  metadata: Connection['metadata'],
  token: string | undefined,
): Connection['metadata'] {
  const headers = metadata.clone();
  headers.set('hasleader', 'true');
  if (token !== undefined) headers.set('token', token);
  for (const [name, value] of Object.entries(outgoingTraceHeaders())) headers.set(name, value);
  return headers;
}

/** A call whose token is refused is made again with another: nothing was done. */
async function withToken<Response>(
  { token }: Member,
  call: (token: string | undefined) => Promise<Response>,
): Promise<Response> {
  const shown = await token?.get();
  try {
    return await call(shown);
  } catch (error) {
    if (token === undefined || !isTokenRefused(error)) throw error;
    token.forget(shown);
    return call(await token.get());
  }
}

async function send(
  client: Connection['client'],
  method: string,
  request: object,
  headers: Connection['metadata'],
  deadline: number,
  signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted();
  const answer = Promise.withResolvers<unknown>();
  const stub = (client as unknown as Record<string, Method>)[method];
  if (stub === undefined) throw new Error(`etcd3 has no method ${method}.`);
  const call = stub.call(client, request, headers, { deadline }, (error, response) => {
    if (error === null) answer.resolve(response);
    else answer.reject(signal.aborted ? signal.reason : error);
  });
  const cancel = (): void => call.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await answer.promise;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
