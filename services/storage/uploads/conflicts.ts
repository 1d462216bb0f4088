import { RegistryError } from '#libs/oci/errors.ts';

/*
 * Two requests for one upload: one wins, and this is what the other is told. CONFLICT throughout: its remedy is to look where the upload
 * stands, while RANGE_INVALID says that the request itself was wrong.
 */

const RETRY_AFTER_SECONDS = 1;

export function writtenByAnother(): RegistryError {
  return conflict('Another request is writing to this upload.');
}

/** For a writer that has to leave. */
export function displaced(): RegistryError {
  return conflict(
    'Another request has taken this upload over, since no bytes came here for long; what came is kept.',
  );
}

/** For a writer that does not say where its bytes belong, and would put them elsewhere than it believes. */
export function movedMeanwhile(offset: number): RegistryError {
  return conflict(
    `Another request has just written to this upload, which stands at ${offset} bytes now.`,
    offset,
  );
}

function conflict(what: string, offset?: number): RegistryError {
  return new RegistryError('CONFLICT', `${what} Ask for the upload's offset, and go on from there.`, {
    ...(offset === undefined ? {} : { detail: { offset } }),
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
