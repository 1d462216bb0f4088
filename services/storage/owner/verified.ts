import type { Digest } from '#libs/oci/digest.ts';
import type { OwnerDatabase } from './database.ts';

/** When which blob was last found to be whole, and how far the round of scrubbing is. Times are milliseconds since 1970. */
export interface VerifiedBlobs {
  /** Durable when it resolves. */
  note(digests: readonly Digest[], now: number): Promise<void>;
  /** Whether it was found to be whole at that time or later. */
  isVerified(digest: Digest, since: number): boolean;
  /** The last round that began; `begunAt` is 0 before the first. */
  round(): ScrubRound;
  beginRound(now: number): Promise<void>;
  /** Forgets all that the round did not come by, since it is not held any more. */
  endRound(): Promise<void>;
}

export interface ScrubRound {
  readonly begunAt: number;
  readonly ended: boolean;
}

export function openVerifiedBlobs({ database, commits }: OwnerDatabase): VerifiedBlobs {
  const note = database.prepare(
    'INSERT OR REPLACE INTO verified (digest, at) SELECT value, ?2 FROM json_each(?1)',
  );
  const since = database.prepare('SELECT 1 FROM verified WHERE digest = ? AND at >= ?');
  const forget = database.prepare('DELETE FROM verified WHERE at < ?');
  const select = database.prepare("SELECT value FROM meta WHERE key = 'scrub-round'");
  const replace = database.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('scrub-round', ?)");
  const round = (): ScrubRound => {
    const text = select.get()?.['value'] as string | undefined;
    return text === undefined ? { begunAt: 0, ended: true } : (JSON.parse(text) as ScrubRound);
  };
  const setRound = (next: ScrubRound): void => void replace.run(JSON.stringify(next));
  return {
    note: (digests, now) => commits.run(() => void note.run(JSON.stringify(digests), now)),
    isVerified: (digest, time) => since.get(digest, time) !== undefined,
    round,
    beginRound: (begunAt) => commits.run(() => setRound({ begunAt, ended: false })),
    endRound: () =>
      commits.run(() => {
        const { begunAt } = round();
        forget.run(begunAt);
        setRound({ begunAt, ended: true });
      }),
  };
}
