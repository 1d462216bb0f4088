import type { Digest } from '#libs/oci/digest.ts';
import type { HeldBlob } from '../driver.ts';
import type { OwnerDatabase } from './database.ts';

/** The pins: this region holds these blobs for these repositories, until a time. */
export interface Pins {
  /**
   * Pins the blobs, durably; a pin that is there already only gets later. `expiresAt` is in milliseconds since 1970. `unlessGivenUp`:
   * what the repository has given up stays so, as when the pin only comes along with a copy from another region. Nothing is written where all
   * are pinned so already, or until `slackMs` sooner.
   */
  put(repository: string, blobs: readonly HeldBlob[], pin: NewPin): Promise<void>;
  /**
   * Ends the repository's pins of the digests, durably, and remembers that, also of digests it has not pinned. Gives those that were pinned
   * beyond `now`. The epochs stay: a push that has been told that its content is held relies on them until it commits.
   */
  giveUp(repository: string, digests: readonly Digest[], epoch: number, now: number): Promise<Digest[]>;
  /** Those of the digests that are pinned for the repository beyond `now`, whether they are held or not, and those that it has given up and not pinned since. */
  find(repository: string, digests: readonly Digest[], now: number): { pinned: Digest[]; givenUp: Digest[] };
  /** Whether a pin keeps the digest: an unexpired one, or one of the epoch or a later one, which a push may still count on. */
  protects(digest: Digest, by: { readonly now: number; readonly epoch: number }): boolean;
  /** Up to `limit` unexpired pins of the digest, by repository. */
  of(digest: Digest, limit: number, now: number): KeptPin[];
  /** Up to `limit` unexpired pins after `last`, by repository and digest. */
  list(last: PinKey, limit: number, now: number): (PinKey & HeldBlob)[];
  /** Forgets expired pins of earlier epochs, durably; gives how many. */
  expire(now: number, before: number): Promise<number>;
  /** Up to `limit` repositories that have the digest pinned beyond `now`, by name. */
  owners(digest: Digest, limit: number, now: number): string[];
}

export interface NewPin {
  readonly epoch: number;
  readonly expiresAt: number;
  readonly slackMs: number;
  readonly unlessGivenUp: boolean;
}

export interface PinKey {
  readonly repository: string;
  readonly digest: string;
}

export interface KeptPin {
  readonly repository: string;
  readonly expiresAt: number;
  readonly epoch: number;
}

/** In the place of an expiry: given up. No clock comes before it, and a new pin is later. */
const GIVEN_UP = 0;

export function openPins({ database, commits }: OwnerDatabase): Pins {
  // The lists come as JSON: one statement for thousands of blobs.
  const upsert = `
    INSERT INTO pins (repository, digest, size, epoch, expires_at)
    SELECT ?1, value ->> 'digest', value ->> 'size', ?3, ?4 FROM json_each(?2) WHERE true
    ON CONFLICT (repository, digest) DO UPDATE SET
      size = excluded.size, epoch = max(epoch, excluded.epoch), expires_at = max(expires_at, excluded.expires_at)`;
  const pin = database.prepare(upsert);
  const pinUnlessGivenUp = database.prepare(`${upsert} WHERE expires_at != ${GIVEN_UP}`);
  const giveUp = database.prepare(`
    INSERT INTO pins (repository, digest, size, epoch, expires_at)
    SELECT ?1, value, 0, ?3, ${GIVEN_UP} FROM json_each(?2) WHERE true
    ON CONFLICT (repository, digest) DO UPDATE SET expires_at = ${GIVEN_UP}`);
  const isPinned = database.prepare(
    'SELECT 1 FROM pins WHERE repository = ? AND digest = ? AND size = ? AND epoch >= ? AND expires_at >= ?',
  );
  const expiryOf = database.prepare(
    'SELECT expires_at AS expiresAt FROM pins WHERE repository = ? AND digest = ?',
  );
  const selectOwners = database.prepare(
    'SELECT repository FROM pins WHERE digest = ? AND expires_at > ? ORDER BY repository LIMIT ?',
  );
  const takeBack = database.prepare(
    "DELETE FROM unused WHERE digest IN (SELECT value ->> 'digest' FROM json_each(?))",
  );
  const protects = database.prepare(
    'SELECT 1 FROM pins WHERE digest = ? AND (expires_at > ? OR epoch >= ?) LIMIT 1',
  );
  const selectOf = database.prepare(
    'SELECT repository, expires_at AS expiresAt, epoch FROM pins WHERE digest = ? AND expires_at > ? ORDER BY repository LIMIT ?',
  );
  const page = database.prepare(`
    SELECT repository, digest, size FROM pins
    WHERE (repository, digest) > (?1, ?2) AND expires_at > ?3 ORDER BY repository, digest LIMIT ?4`);
  const expire = database.prepare('DELETE FROM pins WHERE expires_at <= ? AND epoch < ?');
  const find: Pins['find'] = (repository, digests, now) => {
    const found: ReturnType<Pins['find']> = { pinned: [], givenUp: [] };
    for (const digest of digests) {
      const expiresAt = expiryOf.get(repository, digest)?.['expiresAt'] as number | undefined;
      if (expiresAt === GIVEN_UP) found.givenUp.push(digest);
      else if (expiresAt !== undefined && expiresAt > now) found.pinned.push(digest);
    }
    return found;
  };
  return {
    put: (repository, blobs, { epoch, expiresAt, slackMs, unlessGivenUp }) => {
      const sooner = expiresAt - slackMs;
      // What is pinned so late was taken back when it was pinned, and has not been condemned since.
      const arePinned = blobs.every(({ digest, size }) =>
        isPinned.get(repository, digest, size, epoch, sooner),
      );
      if (arePinned) return commits.durable();
      const statement = unlessGivenUp ? pinUnlessGivenUp : pin;
      const list = JSON.stringify(blobs);
      return commits.run(() => {
        statement.run(repository, list, epoch, expiresAt);
        takeBack.run(list);
      });
    },
    giveUp: async (repository, digests, epoch, now) => {
      let pinned: Digest[] = [];
      await commits.run(() => {
        ({ pinned } = find(repository, digests, now));
        giveUp.run(repository, JSON.stringify(digests), epoch);
      });
      return pinned;
    },
    find,
    protects: (digest, { now, epoch }) => protects.get(digest, now, epoch) !== undefined,
    of: (digest, limit, now) => selectOf.all(digest, now, limit) as unknown as KeptPin[],
    list: ({ repository, digest }, limit, now) =>
      page.all(repository, digest, now, limit) as unknown as (PinKey & HeldBlob)[],
    expire: async (now, before) => {
      let pins = 0;
      await commits.run(() => (pins = Number(expire.run(now, before).changes)));
      return pins;
    },
    owners: (digest, limit, now) =>
      selectOwners.all(digest, now, limit).map((row) => row['repository'] as string),
  };
}
