/** One lock per key, in this process. Who asks first is first; several keys are taken at once, so holders never wait for each other in a circle. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` while it alone holds all the keys. */
  async run<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const mine = Promise.withResolvers<undefined>();
    const before = keys.flatMap((key) => this.#tails.get(key) ?? []);
    const tail = mine.promise;
    for (const key of keys) this.#tails.set(key, tail);
    try {
      await Promise.all(before);
      return await work();
    } finally {
      for (const key of keys) if (this.#tails.get(key) === tail) this.#tails.delete(key);
      mine.resolve(undefined);
    }
  }

  /** Waits for those that hold or wait for the key now. */
  async idle(key: string): Promise<void> {
    await this.#tails.get(key);
  }
}
