import { EventEmitter, once } from 'node:events';

const DEFAULT_WINDOW_BYTES = 4 * 1024 * 1024;

/** What a link does to the bytes that go one way between two places. */
export interface LinkState {
  readonly delayMs: number;
  /** Infinity: no limit. Connections over one link share it. */
  readonly bytesPerSecond: number;
  /** Bytes of a connection that are under way before its sender has to wait. */
  readonly windowBytes: number;
  /** `held`: nothing arrives until the link is open again, as where a cable is cut. `broken`: connections are reset and new ones refused. */
  readonly flow: 'open' | 'held' | 'broken';
}

/** The way from one place to another. */
export class Link extends EventEmitter<{ change: [] }> {
  #state: LinkState;
  #freeAt = 0;
  /** Bytes that have arrived. */
  bytes = 0;

  constructor(state: LinkState) {
    super();
    this.setMaxListeners(0);
    this.#state = state;
  }

  get state(): LinkState {
    return this.#state;
  }

  set(change: Partial<LinkState>): void {
    this.#state = { ...this.#state, ...change };
    this.emit('change');
  }

  /** Takes bytes after all that it has taken before, and says when they will have arrived. */
  take(size: number, now: number): number {
    const { delayMs, bytesPerSecond } = this.#state;
    this.#freeAt = Math.max(this.#freeAt, now) + (1_000 * size) / bytesPerSecond;
    return this.#freeAt + delayMs;
  }

  /** Waits while the link is held. */
  async untilMoving(): Promise<void> {
    while (this.#state.flow === 'held') await once(this, 'change');
  }
}

/** Every link between places: regions, and the members of etcd by their names. */
export class Links {
  readonly #links = new Map<string, Link>();
  readonly #normal: LinkState;

  /** How links are unless something is done to them. */
  constructor(normal: Partial<LinkState> = {}) {
    this.#normal = {
      ...{ delayMs: 0, bytesPerSecond: Infinity, windowBytes: DEFAULT_WINDOW_BYTES, flow: 'open' },
      ...normal,
    };
  }

  link(from: string, to: string): Link {
    const key = `${from} ${to}`;
    const link = this.#links.get(key) ?? new Link(this.#normal);
    this.#links.set(key, link);
    return link;
  }

  /** Bytes that have arrived over all of them. */
  get bytes(): number {
    return [...this.#links.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Both ways between two places. */
  set(a: string, b: string, change: Partial<LinkState>): void {
    this.link(a, b).set(change);
    this.link(b, a).set(change);
  }

  /** Everything is as it was at first. */
  heal(): void {
    for (const link of this.#links.values()) link.set(this.#normal);
  }
}
