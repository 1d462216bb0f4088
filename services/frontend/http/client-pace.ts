/** What a client must keep to: `bytesPerSecond` over `windowMs`; 0 bytes per second: no limit. */
export interface MinimumRate {
  readonly bytesPerSecond: number;
  readonly windowMs: number;
}

/** How often within a window a client is looked at: a stall is found at most this part of a window late. */
const CHECKS_PER_WINDOW = 8;

/**
 * Watches one body for a client that stalls. The clock runs only while the client is waited for: from `waits` to `moved`. Within `windowMs`
 * of that, at least a window's bytes must move, or `onStalled` is called, once. The owner calls `end` when the body is done.
 */
export class ClientPace {
  readonly #rate: MinimumRate;
  readonly #everyMs: number;
  readonly #onStalled: () => void;
  #timer: NodeJS.Timeout | undefined;
  #waitingSince: number | undefined;
  #waitedMs = 0;
  #bytes = 0;
  #ended = false;

  constructor(rate: MinimumRate, onStalled: () => void) {
    this.#rate = rate;
    this.#everyMs = rate.windowMs / CHECKS_PER_WINDOW;
    this.#onStalled = onStalled;
  }

  /** From now on the client holds things up. */
  waits(): void {
    if (this.#rate.bytesPerSecond === 0 || this.#ended) return;
    this.#waitingSince = performance.now();
    this.#timer ??= setInterval(() => this.#check(), this.#everyMs).unref();
  }

  /** The client took or sent so many bytes, or there is nothing more to wait for. */
  moved(bytes: number): void {
    this.#count();
    this.#waitingSince = undefined;
    this.#bytes += bytes;
    if (this.#bytes < bytesOfWindow(this.#rate)) return;
    this.#bytes = 0;
    this.#waitedMs = 0;
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#waitingSince = undefined;
  }

  /** A process that was too busy to look is not the client's fault: what is longer than two checks counts as two. */
  #count(): void {
    if (this.#waitingSince === undefined) return;
    const now = performance.now();
    this.#waitedMs += Math.min(now - this.#waitingSince, 2 * this.#everyMs);
    this.#waitingSince = now;
  }

  #check(): void {
    this.#count();
    if (this.#waitedMs < this.#rate.windowMs || this.#waitingSince === undefined) return;
    this.end();
    this.#onStalled();
  }
}

/** What must move within a window. */
export function bytesOfWindow({ bytesPerSecond, windowMs }: MinimumRate): number {
  return (bytesPerSecond * windowMs) / 1000;
}

/** The least that a client did not keep to, for a sentence: `61440 bytes in 60 seconds`. */
export function describeRate(rate: MinimumRate): string {
  return `${Math.ceil(bytesOfWindow(rate))} bytes in ${rate.windowMs / 1000} seconds`;
}
