import type { Peer } from '#libs/rpc/contracts.ts';
import type { OnExchange } from '#libs/telemetry/metrics/summaries.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';

type Summarizing = Pick<Peer, 'summarize' | 'listKept' | 'stat'>;

/** The same calls, counted. */
export function countExchange({ region, peer }: RemoteRegion, onExchange: OnExchange): Summarizing {
  return {
    summarize: async (question, context) => {
      const answer = await peer.summarize(question, context);
      const asked = sum(question.known, ({ prefix, hash }) => prefix.length + hash.length);
      onExchange(
        region,
        asked + sum(answer.changed, ({ prefix, hash, parts }) => prefix.length + hash.length + parts.length),
      );
      return answer;
    },
    listKept: async (question, context) => {
      const answer = await peer.listKept(question, context);
      onExchange(region, sum(question.prefixes, lengthOf) + sum(answer.blobs, ({ digest }) => digest.length));
      return answer;
    },
    stat: async (question, context) => {
      const answer = await peer.stat(question, context);
      onExchange(region, sum(question.digests, lengthOf) + sum(answer.blobs, ({ digest }) => digest.length));
      return answer;
    },
  };
}

function lengthOf(text: string): number {
  return text.length;
}

function sum<T>(items: readonly T[], bytesOf: (item: T) => number): number {
  return items.reduce((total, item) => total + bytesOf(item), 0);
}
