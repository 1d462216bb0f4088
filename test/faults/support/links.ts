import { EventEmitter, once } from 'node:events';

/** What a link does to the bytes that go one way between two places. */
export interface LinkState {
  readonly delayMs: number;
  /** Infinity: no limit. */
  readonly bytesPerSecond: number;
  /** `held`: nothing arrives until the link is open again, as where a cable is cut. `broken`: connections are reset and new ones refused. */
  readonly flow: 'open' | 'held' | 'broken';
}

/** The way from one place to another. */
export class Link extends EventEmitter<{ change: [] }> {
  #state: LinkState;
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
    this.#normal = { delayMs: 0, bytesPerSecond: Infinity, flow: 'open', ...normal };
  }

  link(from: string, to: string): Link {
    const key = `${from} ${to}`;
    const link = this.#links.get(key) ?? new Link(this.#normal);
    this.#links.set(key, link);
    return link;
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
