import type { Digest } from '#libs/oci/digest.ts';
import type { HeldBlob } from '../driver.ts';
import type { OwnerDatabase } from './database.ts';
import { openRounds, type ScrubRound } from './rounds.ts';

/** When which blob was last found to be whole, and what the rounds of scrubbing have found. Times are milliseconds since 1970. */
export interface VerifiedBlobs {
  /** They are whole. Durable when it resolves. */
  note(blobs: readonly HeldBlob[], now: number): Promise<void>;
  /** The blob was damaged, and is in quarantine. */
  noteDamaged(blob: HeldBlob, now: number): Promise<void>;
  /** The blob was removed on purpose. */
  forget(digest: Digest): Promise<void>;
  /** The blob has come, having not been held: one that was damaged or had gone is repaired. True: it had gone, and this was not noticed. */
  noteCome(digest: Digest): Promise<boolean>;
  /** Whether it was found to be whole at that time or later. */
  isVerified(digest: Digest, since: number): boolean;
  /** The last round that began; `begunAt` is 0 before the first. */
  round(): ScrubRound;
  /** The last one that came to its end. */
  lastRound(): ScrubRound | undefined;
  beginRound(now: number): Promise<void>;
  /** What the round did not come by is not held any more: it is missing. */
  endRound(now: number): Promise<void>;
}

/** A time before 1970 stands for a blob that was damaged or missed then, so many milliseconds after; kept until a whole round has passed. */
export function openVerifiedBlobs(owner: OwnerDatabase): VerifiedBlobs {
  const { database, commits } = owner;
  const rounds = openRounds(owner);
  const replace = database.prepare('INSERT OR REPLACE INTO verified (digest, at) VALUES (?, ?)');
  const select = database.prepare('SELECT at FROM verified WHERE digest = ?');
  const remove = database.prepare('DELETE FROM verified WHERE digest = ?');
  const removeBroken = database.prepare('DELETE FROM verified WHERE at < 0 AND at > -?');
  const breakUnseen = database.prepare('UPDATE verified SET at = -?2 WHERE at >= 0 AND at < ?1');
  const atOf = (digest: Digest): number | undefined => select.get(digest)?.['at'] as number | undefined;
  return {
    note: (blobs, now) =>
      commits.run(() => {
        const { begunAt } = rounds.newest();
        const first = blobs.filter(({ digest }) => (atOf(digest) ?? -1) < begunAt);
        rounds.add({ blobs: first.length, bytes: first.reduce((sum, { size }) => sum + size, 0) });
        for (const { digest } of blobs) replace.run(digest, now);
      }),
    noteDamaged: ({ digest, size }, now) =>
      commits.run(() => {
        rounds.add({ blobs: 1, bytes: size, damaged: 1 });
        replace.run(digest, -now);
      }),
    forget: (digest) => commits.run(() => void remove.run(digest)),
    noteCome: async (digest) => {
      const at = atOf(digest);
      if (at === undefined) return false;
      const hadGone = at >= 0;
      await commits.run(() => {
        rounds.add({ repaired: 1, missing: hadGone ? 1 : 0 });
        remove.run(digest);
      });
      return hadGone;
    },
    isVerified: (digest, since) => (atOf(digest) ?? -1) >= since,
    round: () => rounds.newest(),
    lastRound: () => rounds.ended(),
    beginRound: (now) => commits.run(() => rounds.begin(now)),
    endRound: (now) =>
      commits.run(() => {
        const { begunAt } = rounds.newest();
        removeBroken.run(begunAt);
        rounds.add({ missing: Number(breakUnseen.run(begunAt, now).changes) });
        rounds.end(now);
      }),
  };
}
