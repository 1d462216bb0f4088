import type { Metrics } from '../metrics.ts';

/** What comparing the regions has found. */
export interface ComparedReading {
  compared(): readonly { readonly region: string; readonly blobs: number }[];
  underReplicated(): { readonly blobs: number } | undefined;
}

/** Called for each question about a summary that was answered, with the bytes that the question and the answer carried. */
export type OnExchange = (region: string, bytes: number) => void;

/** Shows what comparing found, read at each scrape; gives what counts the questions. */
export function summaryMetrics(metrics: Metrics, read: () => Promise<ComparedReading>): OnExchange {
  metrics.gauges(read, {
    meridian_under_replicated_blobs: {
      help: 'Blobs in fewer regions than the durability of their repositories asks, as far as is known.',
      observe: (reading) => reading.underReplicated()?.blobs ?? [],
    },
    meridian_peer_lacking_blobs: {
      help: 'Blobs that another region should hold and does not.',
      observe: (reading) =>
        reading.compared().map(({ region, blobs }) => ({ value: blobs, labels: { region } })),
    },
  });
  const questions = metrics.counter(
    'meridian_summary_questions_total',
    'Questions to other regions about what they hold.',
  );
  const bytes = metrics.counter('meridian_summary_bytes_total', 'Bytes of these and of their answers.');
  return (region, count) => {
    questions(1, { region });
    bytes(count, { region });
  };
}
