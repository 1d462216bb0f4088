import { RegistryError } from '#libs/oci/errors.ts';
import type { Content } from './reader.ts';

/** The repository has this content, so that it can't be read now is never the client's mistake, and never a 404. */
export function unavailable({ repository, digest }: Content, cause: unknown): unknown {
  if (!(cause instanceof RegistryError) || PASSED_ON.has(cause.code)) return cause;
  return new RegistryError(
    'UNAVAILABLE',
    `${digest} is known in ${repository}, but can't be read at the moment: ${cause.message} Try again.`,
    { cause, retryAfterSeconds: 5 },
  );
}

const PASSED_ON: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TOOMANYREQUESTS', 'INTERNAL']);
