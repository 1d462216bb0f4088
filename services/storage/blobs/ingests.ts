import { setTimeout as delay } from 'node:timers/promises';
import { abortable } from '#libs/abortable.ts';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { Arrival } from './arrival.ts';

/** How long a reader waits for ingests that began before it to say which blob they bring. */
const DECLARATION_WAIT_MS = 1_000;

/** The blobs that are arriving now. */
export class Ingests {
  readonly #limit: number;
  readonly #arrivals = new Map<Digest, Arrival>();
  readonly #undeclared = new Set<Promise<void>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Announces an ingest whose blob isn't known yet; call what it gives once it is, or never will be. */
  announce(): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#undeclared.add(promise);
    return () => {
      this.#undeclared.delete(promise);
      resolve(undefined);
    };
  }

  /** Runs `work` while the blob counts as arriving. CONFLICT: it is arriving already. */
  async run<T>(digest: Digest, size: number, work: (arrival: Arrival) => Promise<T>): Promise<T> {
    if (this.#arrivals.has(digest)) {
      throw new RegistryError(
        'CONFLICT',
        `The blob ${digest} is arriving already. Read it while it does, or wait until it is held.`,
      );
    }
    if (this.#arrivals.size >= this.#limit) {
      throw new RegistryError(
        'TOOMANYREQUESTS',
        `${this.#limit} blobs are arriving already, which is the limit. Try again soon.`,
        {
          retryAfterSeconds: 1,
        },
      );
    }
    const arrival = new Arrival(digest, size);
    this.#arrivals.set(digest, arrival);
    try {
      return await work(arrival);
    } finally {
      this.#arrivals.delete(digest);
      await arrival.end();
    }
  }

  find(digest: Digest): Arrival | undefined {
    return this.#arrivals.get(digest);
  }

  /**
   * `find` for a caller who has just started an ingest and can't know whether its first message is here: waits until all that
   * began before have said what they bring.
   */
  async await(digest: Digest, signal: AbortSignal): Promise<Arrival | undefined> {
    if (this.#undeclared.size > 0) {
      const declared = Promise.all([...this.#undeclared]);
      await abortable(
        Promise.race([declared, delay(DECLARATION_WAIT_MS, undefined, { signal, ref: false })]),
        signal,
      );
    }
    return this.find(digest);
  }
}
