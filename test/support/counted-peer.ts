import type { Peer } from '#libs/rpc/contracts.ts';

/** For regions that have no summaries. */
export const noSummaries: Pick<Peer, 'summarize' | 'listKept'> = {
  summarize: () => Promise.reject(new Error('There are no summaries here.')),
  listKept: () => Promise.reject(new Error('There are no summaries here.')),
};

/** The same calls, counted by name. */
export function countCalls(peer: Peer, calls: Map<keyof Peer, number>): Peer {
  const counted = (name: keyof Peer): void => void calls.set(name, (calls.get(name) ?? 0) + 1);
  const entries = (Object.keys(peer) as (keyof Peer)[]).map((name) => [
    name,
    (request: never, context: never) => {
      counted(name);
      return peer[name](request, context);
    },
  ]);
  return Object.fromEntries(entries) as Peer;
}
