import { startCollector, type Collector } from '#test/support/collector.ts';

export interface SpanSink extends Collector {
  /** Of all exports that came. */
  bytes(): number;
}

/** Takes traces and throws them away: a collector's work is done on other machines. */
export async function startSpanSink(): Promise<SpanSink> {
  let bytes = 0;
  const collector = await startCollector(async (request) => {
    for await (const chunk of request) bytes += (chunk as Buffer).length;
  });
  return { ...collector, bytes: () => bytes };
}
