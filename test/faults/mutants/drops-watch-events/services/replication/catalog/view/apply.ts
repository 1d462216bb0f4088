import { createApplier as faithful } from '#services/replication/catalog/view/apply.ts';

/** One event in so many gets lost. */
const DROP_EVERY = 8;

/** Loses the news of a tag now and then. */
export function createApplier(...all: Parameters<typeof faithful>): ReturnType<typeof faithful> {
  const apply = faithful(...all);
  let tags = 0;
  return (events) =>
    apply([...events].filter(({ kv }) => !kv.key.includes('/tag/') || ++tags % DROP_EVERY !== 0));
}
