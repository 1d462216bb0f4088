import { join } from 'node:path';

/*
 * How Node runs a service, so that it stays below 250 MB while blobs of any size stream through it. deploy/Dockerfile says the same.
 */

/**
 * What lives here lives short or long: a small young generation costs nothing, and its buffers are freed early. What outlives it by being
 * waited for (a thousand slow readers) is garbage soon after: the heap may grow by 70 % before that is looked for, not to a multiple. With less, bytes
 * of uploads on their way to the disk would have the whole heap looked through each 40 MB.
 */
export const NODE_ARGUMENTS: readonly string[] = ['--max-semi-space-size=2', '--heap-growing-percent=70'];

/** Two of glibc's memory pools instead of many, and what Node makes of TypeScript kept from one start to the next. */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  NODE_COMPILE_CACHE: join(import.meta.dirname, '../../node_modules/.cache/meridian'),
};
