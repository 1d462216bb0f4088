import { RegistryError } from '#libs/oci/errors.ts';
import { isRefusal, type CallFailure } from './status.ts';

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

/** What is thrown for a call to a member that failed. `mayHaveApplied`: it was a write, and it was sent. */
export function fromCallFailure(
  failure: CallFailure,
  member: string,
  mayHaveApplied: boolean,
): RegistryError {
  const { details } = failure;
  const sentence = `etcd at ${member} refused: ${details}.`;
  if (!isRefusal(failure)) {
    const then = mayHaveApplied ? 'The write may have been applied or not' : 'Nothing was written';
    return new UnavailableError(`etcd at ${member} did not answer: ${details}. ${then}.`, {
      outcomeUnknown: mayHaveApplied,
      cause: failure,
    });
  }
  if (details.includes('required revision has been compacted'))
    return new CompactedError(sentence, { cause: failure });
  if (details.includes('required revision is a future revision'))
    return new FutureRevisionError(sentence, { cause: failure });
  if (details.includes('requested lease not found'))
    return new LeaseNotFoundError(sentence, { cause: failure });
  if (details.includes('too many requests') || details.includes('space exceeded'))
    return new UnavailableError(sentence, { outcomeUnknown: false, cause: failure });
  return new RegistryError('INTERNAL', sentence, { cause: failure });
}
