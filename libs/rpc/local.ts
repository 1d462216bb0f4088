import { streamInSpan, withSpan } from '#libs/telemetry/trace.ts';
import type { MethodDefinition } from '@grpc/grpc-js';
import type { Contract } from './contracts.ts';
import type { CallContext } from './types.ts';

/**
 * A service of this very process, called without a wire: same messages, same errors, same spans as over gRPC.
 * For compositions that run several services in one process.
 */
export function localClient<S extends object>(contract: Contract<S>, handlers: S): S {
  const { definition } = contract as { definition: Record<string, MethodDefinition<unknown, unknown>> };
  const methods = Object.entries(definition).map(([capitalized, method]) => {
    const name = capitalized.charAt(0).toLowerCase() + capitalized.slice(1);
    const handler = (handlers as Record<string, (input: unknown, context: CallContext) => unknown>)[name];
    if (handler === undefined) throw new Error(`${contract.name} is served without ${name}`);
    const span = method.path.slice(1);
    const call = method.responseStream
      ? (input: unknown, context: CallContext) =>
          streamInSpan(
            span,
            { step: true, signal: context.signal },
            () => handler.call(handlers, input, context) as AsyncIterable<unknown>,
          )
      : (input: unknown, context: CallContext) =>
          withSpan(
            span,
            { step: true, signal: context.signal },
            () => handler.call(handlers, input, context) as Promise<unknown>,
          );
    return [name, call];
  });
  return Object.fromEntries(methods) as S;
}
