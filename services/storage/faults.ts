import { RegistryError } from '#libs/oci/errors.ts';

const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL']);
/** SQLite's own word for ENOSPC. https://sqlite.org/rescode.html#full */
const SQLITE_FULL = 13;
const RETRY_AFTER_SECONDS = 30;

/**
 * The sentence for an error of the disk: UNAVAILABLE, since other regions may well serve the request and this one may
 * recover. Errors that are not the disk's come back as they are.
 */
export function asUnavailable(error: unknown, region: string): unknown {
  if (error instanceof RegistryError || !(error instanceof Error)) return error;
  const code = systemCode(error);
  if (code === undefined) return error;
  const sentence = OUT_OF_SPACE.has(code)
    ? `The storage of region ${region} is out of space. What was received before is kept; free space there or push through another region.`
    : `The storage of region ${region} can't use its disk (${code}). Try again later or use another region.`;
  return new RegistryError('UNAVAILABLE', sentence, { cause: error, retryAfterSeconds: RETRY_AFTER_SECONDS });
}

function systemCode(error: Error): string | undefined {
  const { code, errcode, syscall } = error as Error & { code?: string; errcode?: number; syscall?: string };
  if (code === 'ERR_SQLITE_ERROR')
    return errcode === SQLITE_FULL ? 'SQLITE_FULL' : `SQLite error ${errcode ?? 0}`;
  return syscall === undefined ? undefined : code;
}
