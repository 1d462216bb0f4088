import type { Transfer } from '#libs/rpc/contracts.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import type { Whereabouts } from './own-region.ts';

/** The own replication's moving of blobs; while that is away, bytes are still passed on from other regions by `read`, and not stored. */
export function transferOrElsewhere(
  own: Transfer,
  { replication }: Whereabouts,
  read: Transfer['relay'],
): Transfer {
  return {
    ...own,
    relay: async function* (request, context) {
      const { offset, length, ...which } = request;
      let sent = 0;
      try {
        if (replication.answers) {
          for await (const chunk of own.relay(request, context)) {
            sent += chunk.data.length;
            yield chunk;
          }
          return;
        }
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        if (length > 0 && sent === length) return;
      }
      yield* read({ ...which, offset: offset + sent, length: length === 0 ? 0 : length - sent }, context);
    },
  };
}
