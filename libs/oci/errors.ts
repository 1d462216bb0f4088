/**
 * The HTTP status of every error code: the one table from errors to HTTP. The codes are those of the distribution
 * spec, Docker's TAG_INVALID, RANGE_INVALID and PAGINATION_NUMBER_INVALID, and, from UNAVAILABLE on, Meridian's own.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
const HTTP_STATUS = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  TAG_INVALID: 400,
  RANGE_INVALID: 416,
  PAGINATION_NUMBER_INVALID: 400,
  UNAVAILABLE: 503,
  PRECONDITION_FAILED: 412,
  REQUEST_INVALID: 400,
  TOO_LARGE: 413,
  CONFLICT: 409,
  TIMEOUT: 408,
  INTERNAL: 500,
} as const;

export type ErrorCode = keyof typeof HTTP_STATUS;

export interface RegistryErrorOptions extends ErrorOptions {
  /** What a program may read out of the answer; must be fit for JSON and for the client's eyes. */
  detail?: unknown;
  /** When repeating the request makes sense, for the Retry-After header. */
  retryAfterSeconds?: number;
}

/** The one error that Meridian throws on purpose. Its message is a sentence that a client's user can act on. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: ErrorCode;
  readonly detail?: unknown;
  readonly retryAfterSeconds?: number;

  constructor(code: ErrorCode, message: string, options: RegistryErrorOptions = {}) {
    const frames = Error.stackTraceLimit;
    // An answer is no fault of the program: nobody looks for where it was found, and to write that down takes longer than to find it.
    if (HTTP_STATUS[code] < 500) Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = frames;
    this.code = code;
    if (options.detail !== undefined) this.detail = options.detail;
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export interface ErrorBody {
  errors: { code: ErrorCode; message: string; detail?: unknown }[];
}

/** True for a code of the table above; for codes that come over a wire. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(HTTP_STATUS, text);
}

export function httpStatusOf(code: ErrorCode): number {
  return HTTP_STATUS[code];
}

/** The JSON body of an error answer, as the distribution spec draws it. */
export function errorBody(error: RegistryError): ErrorBody {
  const { code, message, detail } = error;
  return { errors: [detail === undefined ? { code, message } : { code, message, detail }] };
}
