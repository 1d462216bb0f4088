import type { OwnerDatabase } from './database.ts';

/** The region's collection epoch, which new pins carry. It only grows. */
export interface Epoch {
  current(): number;
  /** Durable when it resolves; does nothing where the epoch is as high already. */
  raise(to: number): Promise<void>;
}

/** `initial` is what the database holds. */
export function createEpoch({ database, commits }: OwnerDatabase, initial: number): Epoch {
  const update = database.prepare("UPDATE meta SET value = max(value, ?) WHERE key = 'epoch'");
  let current = initial;
  return {
    current: () => current,
    raise: async (to) => {
      if (to <= current) return;
      await commits.run(() => void update.run(to));
      // Only now: a pin that carried it earlier could lose it in a crash, and a push would have counted it.
      current = Math.max(current, to);
    },
  };
}
