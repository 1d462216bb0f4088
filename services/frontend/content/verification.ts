import { LRUCache } from 'lru-cache';
import { algorithmOf, createDigester, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Scrub } from '#libs/rpc/contracts.ts';

/** Hashes a whole body as it is sent. */
export interface BodyCheck {
  update(bytes: Uint8Array): void;
  /** Before the last bytes leave: throws where the body is not the digest's. */
  end(): void;
}

/** Makes sure that what is sent is what was asked for. */
export interface Verification {
  /**
   * For a body that is read from `file`, its version (undefined: from elsewhere). Undefined where the same version of the file was hashed
   * here lately, which need not be done for each of many clients.
   */
  begin(digest: Digest, file: string | undefined): BodyCheck | undefined;
  /** Has the storage look at a blob that could not be read as it should, without waiting. */
  suspect(digest: Digest): void;
  /** The same, waiting. True: the blob is not held, or not any more since it is damaged; it can be had anew. */
  isGone(digest: Digest, signal: AbortSignal): Promise<boolean>;
}

/** Blobs that are not looked at again and again while clients fail to get them. */
const MAX_SUSPECTS = 1_000;
const SUSPECT_PAUSE_MS = 10_000;

export function createVerification(options: {
  scrub: Pick<Scrub, 'verify'>;
  maxTrustedFiles: number;
  trustedMs: number;
  /** Ends what runs without a caller. */
  signal: AbortSignal;
}): Verification {
  const { scrub, maxTrustedFiles, trustedMs, signal: stopping } = options;
  const trusted = new LRUCache<Digest, string>({ max: maxTrustedFiles, ttl: trustedMs });
  const suspects = new LRUCache<Digest, true>({ max: MAX_SUSPECTS, ttl: SUSPECT_PAUSE_MS });

  const isGone: Verification['isGone'] = async (digest, signal) => {
    try {
      let whole = 0;
      for await (const { checked, damaged } of scrub.verify({ digests: [digest] }, { signal })) {
        whole += checked - damaged.length;
      }
      return whole === 0;
    } catch {
      // A storage that can't be asked finds it by itself.
      return false;
    }
  };
  const suspect = (digest: Digest): void => {
    if (suspects.has(digest)) return;
    suspects.set(digest, true);
    isGone(digest, stopping).catch(() => undefined);
  };
  return {
    begin: (digest, file) => {
      if (file !== undefined && trusted.get(digest) === file) return undefined;
      const digester = createDigester(algorithmOf(digest));
      return {
        update: (bytes) => digester.update(bytes),
        end: () => {
          const actual = digester.digest();
          if (actual !== digest) throw damaged(digest, actual);
          if (file !== undefined) trusted.set(digest, file);
        },
      };
    },
    suspect,
    isGone,
  };
}

function damaged(digest: Digest, actual: Digest): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `The bytes stored as ${digest} have the digest ${actual}: they are damaged, and their end is not sent.`,
  );
}
