import type { Contract } from '#libs/rpc/contracts.ts';

/** What proto-loader says of a call, and how its messages are written and read. */
export interface Method {
  readonly requestType: object;
  readonly responseType: object;
  readonly requestSerialize: (message: unknown) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (message: unknown) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

/** The calls of a contract. */
export function methodsOf<S extends object>({ definition }: Contract<S>): Record<keyof S, Method> {
  const methods = Object.entries(definition as Record<string, Method>).map(([name, method]) => [
    name.charAt(0).toLowerCase() + name.slice(1),
    method,
  ]);
  return Object.fromEntries(methods) as Record<keyof S, Method>;
}
