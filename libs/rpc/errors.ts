import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { RegistryError, type ErrorCode } from '#libs/oci/errors.ts';

const ERROR_KEY = 'meridian-error-bin';

/** The one table from the registry's error codes to gRPC's; what is not named here is an invalid argument. */
const statusOfCode: Partial<Record<ErrorCode, status>> = {
  BLOB_UNKNOWN: status.NOT_FOUND,
  BLOB_UPLOAD_UNKNOWN: status.NOT_FOUND,
  MANIFEST_UNKNOWN: status.NOT_FOUND,
  MANIFEST_BLOB_UNKNOWN: status.FAILED_PRECONDITION,
  NAME_UNKNOWN: status.NOT_FOUND,
  CONFLICT: status.ABORTED,
  DENIED: status.PERMISSION_DENIED,
  INTERNAL: status.INTERNAL,
  PRECONDITION_FAILED: status.FAILED_PRECONDITION,
  RANGE_INVALID: status.OUT_OF_RANGE,
  TOOMANYREQUESTS: status.RESOURCE_EXHAUSTED,
  UNAUTHORIZED: status.UNAUTHENTICATED,
  UNAVAILABLE: status.UNAVAILABLE,
  UNSUPPORTED: status.UNIMPLEMENTED,
};

/** Answers a call with exactly this gRPC status; for a service that speaks a protocol other than Meridian's own. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code: keyof typeof status;

  constructor(code: keyof typeof status, details: string, options?: ErrorOptions) {
    super(details, options);
    this.code = code;
  }
}

/** What a server answers with when a handler throws. Errors that are not the registry's own tell nothing of the inside. */
export function toStatus(error: unknown): Partial<ServiceError> {
  if (error instanceof StatusError) return { code: status[error.code], details: error.message };
  if (!(error instanceof RegistryError)) {
    const details = 'The service met an error it did not expect; its log has the particulars.';
    return { code: status.INTERNAL, details, metadata: encode(new RegistryError('INTERNAL', details)) };
  }
  return {
    code: statusOfCode[error.code] ?? status.INVALID_ARGUMENT,
    details: error.message,
    metadata: encode(error),
  };
}

/**
 * Thrown to who called a service that can't be reached or did not answer, unlike one that says itself that it can't: another one that does
 * the same may be asked. Whether it did what it was asked for is not known.
 */
export class Unanswered extends RegistryError {
  constructor(message: string) {
    super('UNAVAILABLE', message, { retryAfterSeconds: 1 });
  }
}

/** What a client throws for a call that failed; `callee` names the service and address for the sentence. */
export function fromStatus(error: ServiceError, callee: string): RegistryError {
  const encoded = error.metadata.get(ERROR_KEY)[0];
  if (encoded !== undefined) {
    const { code, message, detail, retryAfterSeconds } = JSON.parse(encoded.toString()) as {
      code: ErrorCode;
      message: string;
      detail?: unknown;
      retryAfterSeconds?: number;
    };
    return new RegistryError(code, message, {
      ...(detail === undefined ? {} : { detail }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }
  const unreachable =
    error.code === status.UNAVAILABLE ||
    error.code === status.DEADLINE_EXCEEDED ||
    error.code === status.CANCELLED;
  const message = `${callee} did not answer: ${error.details}. It may be restarting or cut off; try again.`;
  return unreachable ? new Unanswered(message) : new RegistryError('INTERNAL', message);
}

function encode({ code, message, detail, retryAfterSeconds }: RegistryError): Metadata {
  const metadata = new Metadata();
  metadata.set(ERROR_KEY, Buffer.from(JSON.stringify({ code, message, detail, retryAfterSeconds })));
  return metadata;
}
