import { RegistryError } from '#libs/oci/errors.ts';

/** etcd could not be reached, was not ready, or did not answer in time. */
export class UnavailableError extends RegistryError {
  /** True if a transaction was sent and may have been applied although no answer came. */
  readonly outcomeUnknown: boolean;

  constructor(message: string, options: { outcomeUnknown: boolean; cause?: unknown }) {
    super('UNAVAILABLE', message, { cause: options.cause, retryAfterSeconds: 1 });
    this.outcomeUnknown = options.outcomeUnknown;
  }
}

/** The revision asked for was compacted away. */
export class CompactedError extends RegistryError {
  /** The oldest revision that can still be read and watched; known where a watch was refused. */
  readonly compactRevision?: number;

  constructor(message: string, options: { compactRevision?: number; cause?: unknown } = {}) {
    super('UNAVAILABLE', message, { cause: options.cause });
    if (options.compactRevision !== undefined) this.compactRevision = options.compactRevision;
  }
}

/** The revision asked for does not exist yet: the store was restored from a backup, or is another one. */
export class FutureRevisionError extends RegistryError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('UNAVAILABLE', message, options);
  }
}

/** The lease expired or was revoked. */
export class LeaseNotFoundError extends RegistryError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('UNAVAILABLE', message, options);
  }
}
