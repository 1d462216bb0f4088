import {
  Server,
  type Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type MethodDefinition,
  type UntypedHandleCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import {
  incomingTraceContext,
  SpanKind,
  streamInSpan,
  withSpan,
  type SpanOptions,
} from '#libs/telemetry/trace.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import { regionOfCaller } from './caller.ts';
import { chunkReader } from './chunk-reader.ts';
import { chunkWriter } from './chunk-writer.ts';
import type { Contract } from './contracts.ts';
import { StatusError, toStatus } from './errors.ts';
import { channelOptions } from './limits.ts';
import { pump } from './pump.ts';
import { widenServerWindows } from './server-windows.ts';
import { serverCredentials } from './tls.ts';
import type { CallContext } from './types.ts';

export interface RpcServer {
  /** Serves a contract; call it before `listen`. */
  add<S extends object>(contract: Contract<S>, handlers: S): void;
  /** Starts to listen at `host:port` (port 0: any free one) or `unix:/path`, and gives the port. */
  listen(address: string): Promise<number>;
  /** Takes no more calls, lets the running ones finish for `graceMs`, then ends them. */
  close(graceMs: number): Promise<void>;
}

/** What handlers throw besides RegistryErrors: faults of the program, to be logged by the caller. */
export type OnFault = (error: unknown, method: string) => void;

export interface RpcServerOptions {
  /** Plaintext without. */
  readonly tls?: TlsIdentity | undefined;
  readonly onFault: OnFault;
  /** The largest answer; the limit of Meridian's own services where it is missing. */
  readonly maxSendBytes?: number;
}

export function createRpcServer({ tls, onFault, maxSendBytes }: RpcServerOptions): RpcServer {
  const server = new Server({
    ...channelOptions,
    ...(maxSendBytes === undefined ? {} : { 'grpc.max_send_message_length': maxSendBytes }),
  });
  const stopWidening = widenServerWindows();
  return {
    add: (contract, handlers) => {
      const { definition } = contract as { definition: Record<string, AnyMethod> };
      const implementation: Record<string, UntypedHandleCall> = {};
      for (const [name, method] of Object.entries(definition)) {
        const handler = (handlers as Record<string, AnyHandler>)[uncapitalize(name)];
        if (handler === undefined) throw new Error(`${contract.name} is served without ${name}`);
        implementation[name] = serveMethod(method, handler.bind(handlers), onFault);
      }
      server.addService(Object.fromEntries(Object.entries(definition).map(carryingChunks)), implementation);
    },
    listen: (address) =>
      new Promise((resolve, reject) => {
        server.bindAsync(address, serverCredentials(tls), (error, port) => {
          if (error === null) resolve(port);
          else reject(error);
        });
      }),
    close: async (graceMs) => {
      const timer = setTimeout(() => server.forceShutdown(), graceMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(timer);
      stopWidening();
    },
  };
}

function carryingChunks([name, method]: [string, AnyMethod]): [string, AnyMethod] {
  const requestDeserialize = chunkReader(method.requestType, method.requestDeserialize);
  const responseSerialize = chunkWriter(method.responseType, method.responseSerialize, true);
  return [name, { ...method, requestDeserialize, responseSerialize }];
}

type AnyMethod = MethodDefinition<unknown, unknown> & {
  readonly requestType: object;
  readonly responseType: object;
};
type AnyHandler = (input: unknown, context: CallContext) => unknown;
type AnyCall = ServerUnaryCall<unknown, unknown> &
  ServerReadableStream<unknown, unknown> &
  ServerWritableStream<unknown, unknown> &
  ServerDuplexStream<unknown, unknown>;

function serveMethod(
  method: MethodDefinition<unknown, unknown>,
  handler: AnyHandler,
  onFault: OnFault,
): UntypedHandleCall {
  const name = method.path.slice(1);
  const begin = (call: AnyCall): { input: unknown; context: CallContext; span: SpanOptions } => {
    const abort = new AbortController();
    call.on('cancelled', () => abort.abort(new Error(`The caller of ${name} went away.`)));
    call.on('error', (error) => abort.abort(error));
    const { signal } = abort;
    const parent = incomingTraceContext(traceHeaders(call.metadata));
    return {
      // Node would end a stream that was read to its end by destroying it, which looks like a caller who went away.
      input: method.requestStream ? call.iterator({ destroyOnReturn: false }) : call.request,
      context: { signal, caller: () => regionOfCaller(call) },
      span: { kind: SpanKind.SERVER, parent, step: true, signal },
    };
  };
  const report = (error: unknown, signal: AbortSignal): ReturnType<typeof toStatus> => {
    const status = toStatus(error);
    const meant = error instanceof StatusError || (error as Error).name === 'RegistryError';
    if (!signal.aborted && !meant) onFault(error, name);
    return status;
  };

  if (method.responseStream) {
    return ((call: AnyCall) => {
      const { input, context, span } = begin(call);
      const responses = streamInSpan(name, span, () => handler(input, context) as AsyncIterable<unknown>);
      pump(responses, call, context.signal).then(
        () => call.end(),
        (error: unknown) => call.emit('error', report(error, context.signal)),
      );
    }) as UntypedHandleCall;
  }
  return ((call: AnyCall, callback: sendUnaryData<unknown>) => {
    const { input, context, span } = begin(call);
    withSpan(name, span, () => handler(input, context) as Promise<unknown>).then(
      (response) => callback(null, response),
      (error: unknown) => callback(report(error, context.signal)),
    );
  }) as UntypedHandleCall;
}

function traceHeaders(metadata: Metadata): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata.getMap())) headers[key] = value.toString();
  return headers;
}

function uncapitalize(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
