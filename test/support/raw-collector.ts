import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { startCollector, type Collector } from './collector.ts';

/** Takes what is sent to a collector of traces, and keeps it as it came. */
export interface RawCollector extends Collector {
  /** Headers and bodies, readable or not. */
  received(): string[];
}

export async function startRawCollector(): Promise<RawCollector> {
  const received: string[] = [];
  const collector = await startCollector(async (request) => {
    const body = await buffer(request);
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    received.push(JSON.stringify(request.headers), bytes.toString('latin1'));
  });
  return { ...collector, received: () => received };
}
