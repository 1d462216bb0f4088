import type { ScrubRound } from '#types/meridian/v1/ScrubRound.ts';
import type { OwnerDatabase } from './database.ts';

export type { ScrubRound };

/** What the rounds of scrubbing have found. Whoever changes something does so within a commit. */
export interface Rounds {
  /** The last one that began; `begunAt` is 0 before the first. */
  newest(): ScrubRound;
  /** The last one that ended. */
  ended(): ScrubRound | undefined;
  begin(now: number): void;
  end(now: number): void;
  /** To the newest; to none before the first. */
  add(more: Partial<Record<Count, number>>): void;
}

type Count = 'blobs' | 'bytes' | 'damaged' | 'missing' | 'repaired';

const NONE: ScrubRound = { begunAt: 0, endedAt: 0, blobs: 0, bytes: 0, damaged: 0, missing: 0, repaired: 0 };

export function openRounds({ database }: Pick<OwnerDatabase, 'database'>): Rounds {
  const select = database.prepare('SELECT value FROM meta WHERE key = ?');
  const replace = database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
  const get = (key: string): ScrubRound | undefined => {
    const text = select.get(key)?.['value'] as string | undefined;
    return text === undefined ? undefined : { ...NONE, ...(JSON.parse(text) as Partial<ScrubRound>) };
  };
  const set = (key: string, round: ScrubRound): void => void replace.run(key, JSON.stringify(round));
  const newest = (): ScrubRound => get('scrub-round') ?? NONE;
  return {
    newest,
    ended: () => (newest().endedAt > 0 ? newest() : get('scrub-round-before')),
    begin: (begunAt) => {
      const before = newest();
      if (before.endedAt > 0) set('scrub-round-before', before);
      set('scrub-round', { ...NONE, begunAt });
    },
    end: (endedAt) => set('scrub-round', { ...newest(), endedAt }),
    add: (more) => {
      const round = newest();
      if (round.begunAt === 0) return;
      for (const [name, count] of Object.entries(more)) round[name as Count] += count;
      set('scrub-round', round);
    },
  };
}
