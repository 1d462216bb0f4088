/** A range of a blob on its way here. What has come is kept until it is taken, so `length` limits the memory it needs. */
export class ArrivingRange {
  readonly offset: number;
  readonly length: number;
  readonly #chunks: Buffer[] = [];
  #received = 0;
  #failure: { readonly error: unknown } | undefined;
  #change = Promise.withResolvers<undefined>();
  readonly #onBegun: () => void;

  /** `onBegun` is called as the first bytes come. */
  constructor(offset: number, length: number, onBegun: () => void) {
    this.offset = offset;
    this.length = length;
    this.#onBegun = onBegun;
  }

  get received(): number {
    return this.#received;
  }

  get isComplete(): boolean {
    return this.#received === this.length;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    const isFirst = this.#received === 0;
    this.#received += chunk.length;
    this.#wake();
    if (isFirst) this.#onBegun();
  }

  /** What has come is still given, then the error is thrown. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.#wake();
  }

  /** The bytes as they come; to be read once. */
  async *bytes(): AsyncGenerator<Buffer, void, undefined> {
    for (let taken = 0; taken < this.length;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        taken += chunk.length;
        yield chunk;
      } else if (this.#failure !== undefined) throw this.#failure.error;
      else await this.#change.promise;
    }
  }

  #wake(): void {
    this.#change.resolve(undefined);
    this.#change = Promise.withResolvers();
  }
}
