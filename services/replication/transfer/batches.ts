/** The most blobs named in one message: about 0.5 MiB, far below the limit of a message and of one storage transaction. */
const MAX_BLOBS_PER_MESSAGE = 4_000;

/** Splits a list that has no limit of its own, such as the content of an index, into parts fit for one message each. */
export function* batches<T>(items: readonly T[]): Generator<readonly T[], void, undefined> {
  for (let i = 0; i < items.length; i += MAX_BLOBS_PER_MESSAGE)
    yield items.slice(i, i + MAX_BLOBS_PER_MESSAGE);
}
