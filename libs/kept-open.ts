/** Who reads piece by piece comes again within this time, or is slow. */
const LINGER_MS = 1_000;

/** More than these are closed at once. */
const MAX_OPEN = 256;

/** What is opened by a key. */
export interface Openable<K, T> {
  /** Undefined where there is nothing. */
  open(key: K): Promise<T | undefined>;
  /** Whether what lies there is still what was opened. */
  isStill(key: K, value: T): Promise<boolean>;
  close(value: T): Promise<void>;
  /** How long it is kept after its last use; default: a second. */
  readonly lingerMs?: number;
}

/** For one of its users, who closes it, once. */
export interface Lent<T> {
  readonly value: T;
  readonly close: () => Promise<void>;
}

interface Opened<T> {
  readonly value: Promise<T | undefined>;
  users: number;
  closing?: NodeJS.Timeout;
}

/** What is used by many, or piece by piece, is opened once, and closed a moment after its last use. Each time it is made sure that it is still what lies there. */
export class KeptOpen<K, T> {
  readonly #openable: Openable<K, T>;
  readonly #opened = new Map<K, Opened<T>>();

  constructor(openable: Openable<K, T>) {
    this.#openable = openable;
  }

  /** Undefined where there is nothing. */
  async open(key: K): Promise<Lent<T> | undefined> {
    const opened = (await this.#stillThere(key)) ?? this.#opened.get(key) ?? this.#begin(key);
    clearTimeout(opened.closing);
    opened.users += 1;
    const value = await opened.value.catch((error: unknown) => {
      this.#drop(key, opened);
      throw error;
    });
    if (value === undefined) {
      this.#drop(key, opened);
      return undefined;
    }
    return { value, close: () => this.#leave(key, opened) };
  }

  /** What lies there from now on is another, or nothing. Who uses it goes on with the one before. */
  async forget(key: K): Promise<void> {
    const opened = this.#opened.get(key);
    if (opened === undefined) return;
    this.#drop(key, opened);
    clearTimeout(opened.closing);
    if (opened.users === 0) await this.#close(opened);
  }

  /** Closes what nobody uses now, and from now on all else with its last use. */
  async close(): Promise<void> {
    await Promise.all([...this.#opened.keys()].map((key) => this.forget(key)));
  }

  async #stillThere(key: K): Promise<Opened<T> | undefined> {
    const opened = this.#opened.get(key);
    const value = await opened?.value;
    if (opened === undefined || value === undefined) return undefined;
    const isStill = await this.#openable.isStill(key, value);
    if (this.#opened.get(key) !== opened) return this.#opened.get(key);
    if (isStill) return opened;
    await this.forget(key);
    return undefined;
  }

  #begin(key: K): Opened<T> {
    const opened = { value: this.#openable.open(key), users: 0 };
    this.#opened.set(key, opened);
    return opened;
  }

  #drop(key: K, opened: Opened<T>): void {
    if (this.#opened.get(key) === opened) this.#opened.delete(key);
  }

  async #leave(key: K, opened: Opened<T>): Promise<void> {
    opened.users -= 1;
    if (opened.users > 0) return;
    if (this.#opened.get(key) === opened && this.#opened.size <= MAX_OPEN) {
      opened.closing = setTimeout(() => {
        this.#drop(key, opened);
        // Of what was only read nothing is lost.
        this.#close(opened).catch(() => undefined);
      }, this.#openable.lingerMs ?? LINGER_MS).unref();
      return;
    }
    this.#drop(key, opened);
    await this.#close(opened);
  }

  async #close({ value }: Opened<T>): Promise<void> {
    const opened = await value;
    if (opened !== undefined) await this.#openable.close(opened);
  }
}
