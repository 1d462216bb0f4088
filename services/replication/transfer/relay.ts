import type { Chunk } from '#types/meridian/v1/Chunk.ts';
import type { ReadBlob } from '#types/meridian/v1/ReadBlob.ts';
import type { Sources } from './sources.ts';
import type { Suspects } from './suspects.ts';

/** How often one relayed read may go on at another region. */
const MAX_SWITCHES = 4;

/**
 * Passes a blob's bytes on from the nearest region that sends them, storing nothing; goes on at another one when that fails midway. Whoever
 * stops reading stops the other region. Errors as for Sources.open; RANGE_INVALID: the offset is beyond the blob's end.
 */
export async function* relayBlob(
  { digest, offset, length, maxAhead }: ReadBlob,
  { sources, suspects }: { sources: Sources; suspects: Suspects },
  signal: AbortSignal,
): AsyncGenerator<Chunk, void, undefined> {
  const failed = new Set<string>();
  let sent = 0;
  for (let switches = 0; ; switches++) {
    const source = await sources.open(
      {
        digest,
        size: undefined,
        offset: offset + sent,
        length: length === 0 ? 0 : length - sent,
        guilty: suspects.guilty(digest),
        doubtful: suspects.doubtful(digest).union(failed),
        mayFollow: true,
        ...(maxAhead === undefined ? {} : { maxAhead }),
      },
      signal,
    );
    try {
      for await (const data of source.chunks) {
        sent += data.length;
        yield { data };
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (length > 0 && sent === length) return;
      if (switches === MAX_SWITCHES) throw error;
      failed.add(source.region);
    } finally {
      await source.close();
    }
  }
}
