import {
  Client,
  Metadata,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { outgoingTraceHeaders, SpanKind, streamInSpan, withSpan } from '#libs/telemetry/trace.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import { chunkReader } from './chunk-reader.ts';
import { chunkWriter } from './chunk-writer.ts';
import type { Contract } from './contracts.ts';
import { fromStatus } from './errors.ts';
import { channelOptions, ownRegionOptions } from './limits.ts';
import { pump, type Sink } from './pump.ts';
import { channelSecurity } from './tls.ts';
import type { CallContext } from './types.ts';

/** One address; the services behind it share its connection. */
export interface RpcChannel {
  client<S extends object>(contract: Contract<S>): S;
  /** Begins to connect, if there is no connection. */
  connect(): void;
  /** Ends the connection; calls under way fail. */
  close(): void;
}

export interface RpcChannelOptions {
  /** `host:port` or `unix:/path`. */
  readonly address: string;
  /** Plaintext without. */
  readonly tls?: TlsIdentity | undefined;
  /** Whether a service of the own region is there; default: one of another. */
  readonly isOwnRegion?: boolean;
}

/** Connects on first use and again whenever the connection breaks. No call is ever repeated implicitly. */
export function openRpcChannel({ address, tls, isOwnRegion = false }: RpcChannelOptions): RpcChannel {
  const { credentials, options } = channelSecurity(tls, address);
  const reconnect = isOwnRegion ? ownRegionOptions : {};
  const channel = new Client(address, credentials, { ...channelOptions, ...reconnect, ...options });
  return {
    client: <S extends object>(contract: Contract<S>) => {
      const { definition } = contract as { definition: Record<string, Method> };
      const methods = Object.entries(definition).map(([name, method]) => [
        name.charAt(0).toLowerCase() + name.slice(1),
        method.responseStream ? streamCall(channel, method, address) : unaryCall(channel, method, address),
      ]);
      return Object.fromEntries(methods) as S;
    },
    connect: () => void channel.getChannel().getConnectivityState(true),
    close: () => channel.close(),
  };
}

type Method = MethodDefinition<unknown, unknown> & {
  readonly requestType: object;
  readonly responseType: object;
};
type Input = AsyncIterable<unknown>;

/** A message that grpc-js may have to send again keeps its bytes. */
function codecOf(method: Method) {
  return {
    requestSerialize: chunkWriter(method.requestType, method.requestSerialize, false),
    responseDeserialize: chunkReader(method.responseType, method.responseDeserialize),
  };
}

function unaryCall(channel: Client, method: Method, address: string) {
  const name = method.path.slice(1);
  const { requestSerialize, responseDeserialize } = codecOf(method);
  return (input: unknown, { signal }: CallContext): Promise<unknown> =>
    withSpan(name, { kind: SpanKind.CLIENT, step: true, signal }, async () => {
      signal.throwIfAborted();
      const answer = Promise.withResolvers<unknown>();
      const settle = (error: ServiceError | null, response?: unknown): void => {
        if (error === null) answer.resolve(response);
        else answer.reject(signal.aborted ? abortReason(signal) : fromStatus(error, `${name} at ${address}`));
      };
      const call = method.requestStream
        ? channel.makeClientStreamRequest(
            method.path,
            requestSerialize,
            responseDeserialize,
            metadata(),
            settle,
          )
        : channel.makeUnaryRequest(
            method.path,
            requestSerialize,
            responseDeserialize,
            input,
            metadata(),
            settle,
          );
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        if (method.requestStream)
          await send(input as Input, call as ClientWritableStream<unknown>, answer.promise);
        return await answer.promise;
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    });
}

function streamCall(channel: Client, method: Method, address: string) {
  const name = method.path.slice(1);
  const { requestSerialize, responseDeserialize } = codecOf(method);
  return (input: unknown, { signal }: CallContext): AsyncIterable<unknown> =>
    streamInSpan(name, { kind: SpanKind.CLIENT, step: true, signal }, async function* () {
      signal.throwIfAborted();
      const call: ClientReadableStream<unknown> = method.requestStream
        ? channel.makeBidiStreamRequest(method.path, requestSerialize, responseDeserialize, metadata())
        : channel.makeServerStreamRequest(
            method.path,
            requestSerialize,
            responseDeserialize,
            input,
            metadata(),
          );
      const cancel = (): void => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      try {
        if (method.requestStream) {
          const ended = new Promise<void>((resolve) => call.once('close', resolve));
          send(input as Input, call as ClientDuplexStream<unknown, unknown>, ended).catch(cancel);
        }
        yield* call as AsyncIterable<unknown>;
      } catch (error) {
        if (signal.aborted) throw abortReason(signal);
        throw fromStatus(error as ServiceError, `${name} at ${address}`);
      } finally {
        signal.removeEventListener('abort', cancel);
        // Leaving the loop early would leave the server's side open.
        call.cancel();
      }
    });
}

/** Sends the requests until they end or the call has its answer; an error of theirs cancels the call. */
async function send(
  requests: Input,
  call: Sink & { end(): void; cancel(): void },
  answered: Promise<unknown>,
): Promise<void> {
  const done = new AbortController();
  const stop = (): void => done.abort();
  answered.then(stop, stop);
  try {
    await pump(requests, call, done.signal);
    call.end();
  } catch (error) {
    if (done.signal.aborted) return;
    call.cancel();
    answered.catch(() => undefined);
    throw error;
  }
}

function metadata(): Metadata {
  const headers = new Metadata();
  for (const [key, value] of Object.entries(outgoingTraceHeaders())) headers.set(key, value);
  return headers;
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('The call was given up.');
}
