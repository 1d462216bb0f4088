import { commit as comparing, type CommitOutcome } from '#services/replication/catalog/push/commit.ts';

/** Commits whatever regions have collected since they said that they hold the content. */
export async function commit(...all: Parameters<typeof comparing>): Promise<CommitOutcome> {
  const [options, push, record, prepared, , signal] = all;
  return comparing(options, push, record, prepared, new Map(), signal);
}
