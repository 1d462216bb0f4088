import { algorithmOf, parseDigest } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import type { PutBlob } from '#types/meridian/v1/PutBlob.ts';
import type { WriteUpload } from '#types/meridian/v1/WriteUpload.ts';
import { askElsewhere, CONTENT } from './ask.ts';
import { writesHere, type Whereabouts } from './own-region.ts';
import type { OtherRegion } from './regions.ts';

/** The own storage; what is put or mounted while this region takes no content goes to the nearest other region, which pins it as well. */
export function storageOrElsewhere(own: Storage, where: Whereabouts): Storage {
  return {
    ...own,
    put: async (parts, context) => {
      // It is small, and whoever does not answer has read it.
      const all: PutBlob[] = [];
      for await (const part of parts) all.push(part);
      try {
        if (writesHere(where)) {
          const stored = await own.put(replay(all), context);
          where.putAt.set(context.signal, 'here');
          return stored;
        }
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
      }
      const { signal } = context;
      return askElsewhere({ ...where, ...CONTENT, signal }, async (other) => {
        const stored = await upload(other, all, signal);
        where.putAt.set(signal, other);
        return stored;
      });
    },
    hold: async ({ pushId, repository, blobs, ...request }, context) => {
      if (writesHere(where)) return own.hold({ pushId, repository, blobs, ...request }, context);
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(HOLD_TIMEOUT_MS)]);
      return askElsewhere({ ...where, ...CONTENT, signal }, ({ region, peer }) =>
        peer.hold({ pushId, repository, blobs, from: region, along: [] }, { signal }),
      );
    },
  };
}

/** A region that holds a blob pins it at once; one that does not may take as long to copy it as the client to upload it. */
const HOLD_TIMEOUT_MS = 10_000;

async function upload(
  { uploads }: OtherRegion,
  all: readonly PutBlob[],
  signal: AbortSignal,
): Promise<BlobStat> {
  const header = all[0]?.header;
  if (!header) throw new Error('What is put begins with its header.');
  const { repository, digest } = header;
  const algorithm = algorithmOf(parseDigest(digest));
  const { id } = await uploads.create({ repository, algorithm }, { signal });
  const target = { id, repository, offset: 0 };
  const messages: WriteUpload[] = [{ target }];
  for (const { data } of all) if (data) messages.push({ data });
  await uploads.write(replay(messages), { signal });
  return uploads.finish({ id, repository, digest }, { signal });
}

async function* replay<T>(messages: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* messages;
}
