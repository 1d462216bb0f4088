import type { Contract } from '#libs/rpc/contracts.ts';
import { streamOf, unaryOf, wrapCalls } from '#libs/rpc/wrap.ts';
import type { Presence } from './presence.ts';

/** The service, whose calls fail at once while it is known to be away. */
export function guarded<S extends object>(contract: Contract<S>, service: S, presence: Presence): S {
  return wrapCalls(contract, {
    unary: (name, input, { signal }) =>
      presence.call((limited) => unaryOf(service, name)(input, { signal: limited }), signal),
    stream: (name, input, { signal }) =>
      presence.stream((limited) => streamOf(service, name)(input, { signal: limited }), signal),
  });
}
