/** How calls of the kernel are made. */
export interface Calls {
  /** Makes a call `here`, or the same call `elsewhere`. Rejects with what it throws. */
  make<T>(here: () => T, elsewhere: () => Promise<T>): Promise<T>;
}

/** For calls that may take any time. */
export const IN_OTHER_THREADS: Calls = { make: (_here, elsewhere) => elsewhere() };

/** What takes no longer costs nothing: to ask another thread takes as much of this one's time. */
const BRIEF_MS = 0.1;
/** Longer calls may take this part of the time of this thread. */
const SHARE = 0.02;
/** So much ahead of that part. */
const MAX_AHEAD_MS = 20;

/**
 * For calls that mostly are over within microseconds, such as a look at a file that the kernel knows, and that wait for a disk at other
 * times. To have another thread make one takes ten times as long, and half of that is this thread's time: so they are made here, as long as
 * that does not keep it from its other work. Once it has, they are made in other threads, until they have been a small part of the time again.
 */
export class BriefCalls implements Calls {
  readonly #now: () => number;
  #aheadMs = 0;
  #lastAt: number;

  /** `now`: monotonic time in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#lastAt = now();
  }

  async make<T>(here: () => T, elsewhere: () => Promise<T>): Promise<T> {
    const begunAt = this.#now();
    this.#aheadMs = Math.max(0, this.#aheadMs - (begunAt - this.#lastAt) * SHARE);
    this.#lastAt = begunAt;
    if (this.#aheadMs >= MAX_AHEAD_MS) return elsewhere();
    try {
      return here();
    } finally {
      const tookMs = this.#now() - begunAt;
      if (tookMs > BRIEF_MS) this.#aheadMs += tookMs;
    }
  }
}
