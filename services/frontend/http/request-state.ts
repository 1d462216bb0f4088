import type { Need } from '../auth/needs.ts';
import { UNRESTRICTED, type Access } from '../auth/access.ts';
import type { MinimumRate } from './client-pace.ts';
import type { RequestState, Vouched } from './context.ts';
import type { Origin } from './origin.ts';

/** The other regions whose services the request with this signal has used. */
export type RegionsUsed = (signal: AbortSignal) => readonly string[];

/** What a request begins with; it also tells when its client has gone away. */
export class BegunRequest implements RequestState {
  route = '';
  repository: string | undefined = undefined;
  bytesIn = 0;
  bytesOut = 0;
  stalled: RequestState['stalled'] = undefined;
  access: Access = UNRESTRICTED;
  need: Need | undefined = undefined;
  admitted = false;
  tried = '';
  vouched: Vouched | undefined = undefined;
  failure: unknown = undefined;
  awaitsContinue: boolean;
  readonly minimumRate: MinimumRate;
  readonly origin: Origin;
  readonly #regionsUsed: RegionsUsed;
  #abort: AbortController | undefined = undefined;
  #hasLeft = false;

  constructor(options: {
    readonly awaitsContinue: boolean;
    readonly minimumRate: MinimumRate;
    readonly origin: Origin;
    readonly regionsUsed: RegionsUsed;
  }) {
    this.awaitsContinue = options.awaitsContinue;
    this.minimumRate = options.minimumRate;
    this.origin = options.origin;
    this.#regionsUsed = options.regionsUsed;
  }

  /** Made when it is first asked for, since answers from memory need none. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#hasLeft) this.left();
    }
    return this.#abort.signal;
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Without a signal no service was asked. */
  regionsUsed(): readonly string[] {
    return this.#abort === undefined ? [] : this.#regionsUsed(this.#abort.signal);
  }

  /** The client went away before its answer was whole. */
  left(): void {
    this.#hasLeft = true;
    this.#abort?.abort(new Error('The client went away.'));
  }
}
