import type { MethodDefinition } from '@grpc/grpc-js';
import type { Contract } from './contracts.ts';
import type { CallContext } from './types.ts';

/** What a call becomes; the input of those with a stream of requests is an async iterable. */
export interface Wrapping<S extends object> {
  unary(name: keyof S, input: unknown, context: CallContext): Promise<unknown>;
  stream(name: keyof S, input: unknown, context: CallContext): AsyncIterable<unknown>;
}

/** A service whose calls all go the same way to others. */
export function wrapCalls<S extends object>(contract: Contract<S>, wrapping: Wrapping<S>): S {
  const { definition } = contract as { definition: Record<string, MethodDefinition<unknown, unknown>> };
  const methods = Object.entries(definition).map(([capitalized, { responseStream }]) => {
    const name = (capitalized.charAt(0).toLowerCase() + capitalized.slice(1)) as keyof S;
    const call = (input: unknown, context: CallContext): unknown =>
      responseStream ? wrapping.stream(name, input, context) : wrapping.unary(name, input, context);
    return [name, call];
  });
  return Object.fromEntries(methods) as S;
}

/** The call of that name, as `wrapCalls` gives and takes it. */
export function unaryOf<S extends object>(service: S, name: keyof S): Unary {
  return service[name] as Unary;
}

export function streamOf<S extends object>(service: S, name: keyof S): Streaming {
  return service[name] as Streaming;
}

type Unary = (input: unknown, context: CallContext) => Promise<unknown>;
type Streaming = (input: unknown, context: CallContext) => AsyncIterable<unknown>;
