import type { Digest } from '#libs/oci/digest.ts';
import type { HeldBlob } from '../driver.ts';
import type { OwnerDatabase } from './database.ts';

/** The pins: this region holds these blobs for these repositories, until a time. */
export interface Pins {
  /** Pins the blobs, durably; a pin that is there already only gets later. `expiresAt` is in milliseconds since 1970. */
  put(repository: string, blobs: readonly HeldBlob[], epoch: number, expiresAt: number): Promise<void>;
  /** Those of the digests that are pinned for the repository beyond `now`; whether they are held is another question. */
  find(repository: string, digests: readonly Digest[], now: number): Digest[];
}

export function openPins({ database, commits }: OwnerDatabase): Pins {
  // The lists come as JSON: one statement for thousands of blobs.
  const upsert = database.prepare(`
    INSERT INTO pins (repository, digest, size, epoch, expires_at)
    SELECT ?1, value ->> 'digest', value ->> 'size', ?3, ?4 FROM json_each(?2) WHERE true
    ON CONFLICT (repository, digest) DO UPDATE SET
      size = excluded.size, epoch = max(epoch, excluded.epoch), expires_at = max(expires_at, excluded.expires_at)`);
  const select = database.prepare(`
    SELECT digest FROM pins
    WHERE repository = ?1 AND expires_at > ?3 AND digest IN (SELECT value FROM json_each(?2))`);
  return {
    put: (repository, blobs, epoch, expiresAt) =>
      commits.run(() => void upsert.run(repository, JSON.stringify(blobs), epoch, expiresAt)),
    find: (repository, digests, now) =>
      select.all(repository, JSON.stringify(digests), now).map((row) => row['digest'] as Digest),
  };
}
