/** The gRPC status codes that say that a request was looked at and refused: it had no effect. https://grpc.io/docs/guides/status-codes/ */
const REFUSALS = new Set([
  3, // INVALID_ARGUMENT
  5, // NOT_FOUND
  6, // ALREADY_EXISTS
  7, // PERMISSION_DENIED
  9, // FAILED_PRECONDITION
  11, // OUT_OF_RANGE
  12, // UNIMPLEMENTED
  16, // UNAUTHENTICATED
]);
const RESOURCE_EXHAUSTED = 8;

/** What a failed call threw: grpc-js's ServiceError, of which this is read. */
export interface CallFailure {
  readonly code: number;
  readonly details: string;
}

export function isCallFailure(error: unknown): error is CallFailure & Error {
  return error instanceof Error && 'code' in error && 'details' in error;
}

/** True if the member said no: the request had no effect, and asking another member would give the same. */
export function isRefusal({ code, details }: CallFailure): boolean {
  // The client itself says RESOURCE_EXHAUSTED too, when an answer is too large for it.
  return REFUSALS.has(code) || (code === RESOURCE_EXHAUSTED && details.startsWith('etcdserver:'));
}

/** True if the member did not even try, so that another may: it has lost the others. */
export function isWithoutLeader({ details }: CallFailure): boolean {
  return details === 'etcdserver: no leader';
}
