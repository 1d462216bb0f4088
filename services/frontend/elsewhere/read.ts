import { RegistryError } from '#libs/oci/errors.ts';
import type { Transfer } from '#libs/rpc/contracts.ts';
import type { OtherRegions } from './regions.ts';
import type { OnUsed } from './used.ts';

/**
 * Reads from the nearest of the other regions that has the blob, and goes on at the next one where that fails midway. UNAVAILABLE: none of
 * those that answer has it. RANGE_INVALID: the offset is beyond the blob's end.
 */
export function readElsewhere(own: string, regions: OtherRegions, onUsed: OnUsed): Transfer['relay'] {
  return async function* ({ offset, length, ...which }, { signal }) {
    const refusals: string[] = [];
    let sent = 0;
    for (const { region, peer } of regions.nearestFirst()) {
      const rest = {
        ...which,
        offset: offset + sent,
        length: length === 0 ? 0 : length - sent,
        region: own,
      };
      const sentBefore = sent;
      try {
        for await (const chunk of peer.read(rest, { signal })) {
          if (sent === sentBefore) onUsed({ service: 'storage', region, signal });
          sent += chunk.data.length;
          onUsed({ service: 'storage', region, signal, bytes: chunk.data.length });
          yield chunk;
        }
        if (sent >= length) return;
        refusals.push(`${region} sent only ${sent - sentBefore} bytes`);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RegistryError) || error.code === 'RANGE_INVALID') throw error;
        refusals.push(`${region}: ${error.message}`);
      }
    }
    throw new RegistryError(
      'UNAVAILABLE',
      `No other region that answers could give ${which.digest}${refusals.length === 0 ? '' : ` (${refusals.join(' ')})`}. Try again.`,
      { retryAfterSeconds: 2 },
    );
  };
}
