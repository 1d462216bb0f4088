import type * as grpc from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';

/** What a handler knows of the call besides its request. `signal` aborts when nobody waits for the answer any more. */
export interface CallContext {
  readonly signal: AbortSignal;
  /** The region that the caller's certificate names; undefined where it shows none, or one that names no region. Absent within a process. */
  readonly caller?: () => string | undefined;
}

/**
 * A gRPC service as TypeScript sees it, the same for who serves it and who calls it: unary calls are promises, streams are async
 * iterables. Messages are complete (every field set), so that an implementation can also be called without a wire in between.
 * Ending an iteration early ends the call; errors are `RegistryError`s on both sides.
 *
 * A stream of requests whose caller gives up may look to the handler as if it had ended (Node's HTTP/2 half-closes a stream before it
 * resets it). So every such stream says beforehand how long it is, or what came is checked by a later call; none is trusted for its end.
 */
export type Service<Definition, Handlers> = {
  readonly [K in OwnKeys<Definition & Handlers> as Uncapitalize<K>]: Definition[K] extends MethodDefinition<
    infer _Req,
    infer _Res,
    infer Request,
    infer Response
  >
    ? Call<Handlers[K], Request, Response>
    : never;
};

type OwnKeys<T> = keyof { [K in keyof T as string extends K ? never : K]: T[K] } & string;

/* eslint-disable @typescript-eslint/no-explicit-any -- these patterns must match every message type */
type Call<Handler, Request, Response> = Handler extends (...args: infer Args) => void
  ? Args extends [infer C, unknown]
    ? C extends grpc.ServerReadableStream<any, any>
      ? (requests: AsyncIterable<Request>, context: CallContext) => Promise<Response>
      : (request: Request, context: CallContext) => Promise<Response>
    : Args extends [infer C]
      ? C extends grpc.ServerDuplexStream<any, any>
        ? (requests: AsyncIterable<Request>, context: CallContext) => AsyncIterable<Response>
        : (request: Request, context: CallContext) => AsyncIterable<Response>
      : never
  : never;
/* eslint-enable @typescript-eslint/no-explicit-any */
