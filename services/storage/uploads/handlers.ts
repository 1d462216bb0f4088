import { bounded } from '#libs/bounded.ts';
import { isDigestAlgorithm, parseDigest, type Digest, type DigestAlgorithm } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Uploads } from '#libs/rpc/contracts.ts';
import { wrongOffset } from '#libs/upload-id.ts';
import type { HeldBlob } from '../driver.ts';
import { withParts } from '../parts.ts';
import { finishUpload, type FinishContext } from './finish.ts';
import type { UploadIds } from './ids.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { writeUpload, type WriteContext } from './write.ts';

export interface UploadsContext extends WriteContext, FinishContext {
  readonly ids: UploadIds;
  readonly sessions: Sessions;
  /** A blob that is held and pinned for the repository. */
  findPinned(repository: string, digest: Digest): Promise<HeldBlob | undefined>;
}

/** The contract of proto/meridian/v1/uploads.proto for the uploads of this region. */
export function uploadsHandlers(context: UploadsContext): Uploads {
  const { sessions, rows, driver, settings } = context;
  let writers = 0;
  return {
    create: async ({ repository: text, algorithm, ...by }) => {
      const repository = parseRepositoryName(text);
      const belonging = { ...by, repository };
      const id = context.ids.create(belonging);
      const begun = { id, repository, belonging, algorithm: parseAlgorithm(algorithm), offset: 0 };
      rows.insert(begun, context.clock());
      sessions.begun(begun);
      return { id, repository, offset: 0 };
    },

    write: async (parts, { signal }) => {
      using writing = bounded(signal);
      return await withParts(
        parts,
        ({ target }) => target,
        writing.signal,
        async ({ id, offset, finishes = false, ...belonging }, data) => {
          if (writers >= settings.maxConcurrentUploads) throw tooMany(settings.maxConcurrentUploads);
          writers += 1;
          try {
            const claim = { leave: (reason: Error) => writing.abort(reason), unmoved: offset === -1 };
            return await sessions.hold(id, belonging, claim, async (session, holder) => {
              if (offset !== -1 && offset !== session.offset) throw wrongOffset(session.offset, offset);
              await writeUpload(context, session, holder, { data, finishes });
              return answer(session);
            });
          } finally {
            writers -= 1;
          }
        },
      );
    },

    stat: async ({ id, ...belonging }) => answer(await sessions.settled(id, belonging)),

    finish: async ({ id, digest: text, ...belonging }, { signal }) => {
      const digest = parseDigest(text);
      try {
        return await sessions.hold(id, belonging, {}, async (session) => {
          const blob = await finishUpload(context, session, digest, signal);
          sessions.forget(id);
          return blob;
        });
      } catch (error) {
        // Repeated by a client that the first answer did not reach: what it asks for is so.
        if ((error as RegistryError).code !== 'BLOB_UPLOAD_UNKNOWN') throw error;
        context.ids.check(id, belonging);
        const finished = await context.findPinned(belonging.repository, digest);
        if (finished === undefined) throw error;
        return finished;
      }
    },

    cancel: ({ id, ...belonging }) =>
      sessions.hold(id, belonging, { ending: true }, async () => {
        await rows.remove(id);
        sessions.forget(id);
        await driver.discard('uploads', id);
        return {};
      }),
  };
}

function answer({ id, repository, offset }: Session): { id: string; repository: string; offset: number } {
  return { id, repository, offset };
}

function parseAlgorithm(text: string): DigestAlgorithm {
  if (text === '') return 'sha256';
  if (isDigestAlgorithm(text)) return text;
  throw new RegistryError(
    'DIGEST_INVALID',
    `The digest algorithm ${quote(text)} is not supported: expected sha256 or sha512.`,
  );
}

function tooMany(limit: number): RegistryError {
  return new RegistryError(
    'TOOMANYREQUESTS',
    `${limit} uploads are being written already, which is the limit. Try again soon.`,
    {
      retryAfterSeconds: 1,
    },
  );
}
