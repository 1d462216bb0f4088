import type { Uploads } from '#libs/rpc/contracts.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { regionOfUpload } from '#libs/upload-id.ts';
import type { WriteUpload } from '#types/meridian/v1/WriteUpload.ts';
import { askElsewhere, CONTENT } from './ask.ts';
import { writesHere, type Whereabouts } from './own-region.ts';

/** The own storage's uploads. New ones begin in the nearest other region while this one takes no content, and lie there from then on. */
export function uploadsOrElsewhere(own: Uploads, where: Whereabouts): Uploads {
  return {
    ...own,
    create: async (request, context) => {
      try {
        if (writesHere(where)) return await own.create(request, context);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
      }
      const { signal } = context;
      return askElsewhere({ ...where, ...CONTENT, signal }, ({ uploads }) =>
        uploads.create(request, context),
      );
    },
  };
}

/** Uploads that lie in other regions: carried there by the own replication or, while that is away, by this front end. */
export function uploadsThere(own: Uploads, where: Whereabouts): Uploads {
  const of = (id: string): Uploads => {
    const { replication, regions } = where;
    if (replication.answers) return own;
    const name = regionOfUpload(id);
    const other = regions.find(name);
    if (other !== undefined) return other.uploads;
    throw new RegistryError(
      'UNAVAILABLE',
      `The upload was begun in the region ${name}, which can't be reached now. Go on in a moment, or start a new upload.`,
      { retryAfterSeconds: 5 },
    );
  };
  return {
    create: own.create,
    write: async (parts, context) => {
      const iterator = parts[Symbol.asyncIterator]();
      try {
        const first = await iterator.next();
        const id = first.done === true ? '' : (first.value.target?.id ?? '');
        return await of(id).write(startingWith(first, iterator), context);
      } finally {
        // Not awaited: a client that sends nothing must not delay the answer.
        iterator.return?.().catch(() => undefined);
      }
    },
    stat: async (target, context) => of(target.id).stat(target, context),
    finish: async (request, context) => of(request.id).finish(request, context),
    cancel: async (target, context) => of(target.id).cancel(target, context),
  };
}

async function* startingWith(
  first: IteratorResult<WriteUpload>,
  rest: AsyncIterator<WriteUpload>,
): AsyncGenerator<WriteUpload, void, undefined> {
  for (let step = first; step.done !== true; step = await rest.next()) yield step.value;
}
