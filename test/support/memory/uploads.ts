import { createHmac, randomBytes } from 'node:crypto';
import { algorithmOf, digestOf, parseDigest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Uploads } from '#libs/rpc/contracts.ts';
import { parseUploadId, unknownUpload, wrongOffset } from '#libs/upload-id.ts';
import type { UploadTarget } from '#types/meridian/v1/UploadTarget.ts';
import type { MemoryStorage } from './storage.ts';

interface Session {
  readonly repository: string;
  readonly owner: string | undefined;
  bytes: Buffer;
  writing: boolean;
}

/** A region's uploads, in memory. Keeps the contract of proto/meridian/v1/uploads.proto. */
export interface MemoryUploads {
  readonly uploads: Uploads;
  /** Sessions that were opened and neither finished nor cancelled. */
  open(): number;
}

export function memoryUploads(region: string, store: MemoryStorage): MemoryUploads {
  const sessions = new Map<string, Session>();
  const finished = new Map<string, { repository: string; digest: string; size: number }>();
  const secret = randomBytes(16);
  const sign = (random: string): string =>
    createHmac('sha256', secret).update(random).digest('base64url').slice(0, 22);
  const sessionOf = ({
    id,
    repository,
    owner,
  }: {
    id: string;
    repository: string;
    owner?: string;
  }): Session => {
    const { random, mac } = parseUploadId(id);
    const session = sessions.get(id);
    if (mac !== sign(random) || session?.repository !== repository || session.owner !== owner) {
      throw unknownUpload(id);
    }
    return session;
  };

  const uploads: Uploads = {
    create: async ({ repository, owner }) => {
      const random = randomBytes(12).toString('base64url');
      const id = `${region}.${random}.${sign(random)}`;
      sessions.set(id, { repository, owner, bytes: Buffer.alloc(0), writing: false });
      return { id, repository, offset: 0 };
    },
    write: async (parts) => {
      const iterator = parts[Symbol.asyncIterator]();
      const first = await iterator.next();
      const target = first.done === true ? undefined : first.value.target;
      if (target === undefined || target === null) throw new Error('the first message carries the target');
      try {
        const session = sessionOf(target);
        requireOffset(target, session);
        if (session.writing) throw new RegistryError('CONFLICT', 'Another request writes to this upload.');
        session.writing = true;
        try {
          for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) {
            session.bytes = Buffer.concat([session.bytes, step.value.data ?? Buffer.alloc(0)]);
          }
        } finally {
          session.writing = false;
        }
        return { id: target.id, repository: target.repository, offset: session.bytes.length };
      } finally {
        await iterator.return?.();
      }
    },
    stat: async (target) => {
      const { bytes, repository } = sessionOf(target);
      return { id: target.id, repository, offset: bytes.length };
    },
    finish: async (request) => {
      const before = finished.get(request.id);
      if (before?.repository === request.repository && before.digest === request.digest) return before;
      const { bytes, repository } = sessionOf(request);
      const found = digestOf(bytes, algorithmOf(parseDigest(request.digest)));
      if (found !== request.digest) {
        throw new RegistryError('DIGEST_INVALID', `Expected ${request.digest}, got ${found}.`);
      }
      store.publish(repository, found, bytes);
      sessions.delete(request.id);
      const blob = { digest: found, size: bytes.length };
      finished.set(request.id, { ...blob, repository });
      return blob;
    },
    cancel: async (target) => {
      sessionOf(target);
      sessions.delete(target.id);
      return {};
    },
  };
  return { uploads, open: () => sessions.size };
}

function requireOffset({ offset }: UploadTarget, { bytes }: Session): void {
  if (offset !== -1 && offset !== bytes.length) throw wrongOffset(bytes.length, offset);
}
