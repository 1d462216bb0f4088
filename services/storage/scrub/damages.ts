import { abortable } from '#libs/abortable.ts';
import type { BlobDamage } from '#types/meridian/v1/BlobDamage.ts';

/** Damage that a follower may be behind with; the oldest of more is dropped, which the follower's own looks make up for. */
const MAX_BEHIND = 1_000;

/** Tells of what goes into quarantine to whoever follows. */
export class Damages {
  readonly #followers = new Set<(damage: BlobDamage) => void>();

  tell(damage: BlobDamage): void {
    for (const follower of this.#followers) follower(damage);
  }

  /** What is told from now on, until `signal` aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<BlobDamage, void, undefined> {
    const queue: BlobDamage[] = [];
    let come = Promise.withResolvers<undefined>();
    const follower = (damage: BlobDamage): void => {
      queue.push(damage);
      if (queue.length > MAX_BEHIND) queue.shift();
      come.resolve(undefined);
    };
    this.#followers.add(follower);
    try {
      for (;;) {
        for (let damage = queue.shift(); damage !== undefined; damage = queue.shift()) yield damage;
        come = Promise.withResolvers();
        if (queue.length === 0) await abortable(come.promise, signal);
      }
    } finally {
      this.#followers.delete(follower);
    }
  }
}
