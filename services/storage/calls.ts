import { RegistryError } from '#libs/oci/errors.ts';
import type { CallContext } from '#libs/rpc/types.ts';
import { asUnavailable } from './faults.ts';

type Handler = (input: unknown, context: CallContext) => unknown;

/** The calls under way: their errors become sentences, and a stop waits for them. */
export class Calls {
  readonly #region: string;
  readonly #onFault: (error: unknown) => void;
  readonly #running = new Set<AbortController>();
  #stopping = false;
  #idle = Promise.withResolvers<undefined>();

  /** `onFault` hears of the disk's errors, which callers are told of only in general. */
  constructor(region: string, onFault: (error: unknown) => void) {
    this.#region = region;
    this.#onFault = onFault;
  }

  /** The same handlers, watched; `streaming` are those that answer with streams. */
  watch<S extends object>(handlers: S, streaming: readonly (keyof S)[]): S {
    const watched = Object.entries(handlers as Record<string, Handler>).map(([name, handler]) => [
      name,
      streaming.includes(name as keyof S)
        ? (input: unknown, context: CallContext) =>
            this.#stream((inner) => handler(input, inner) as AsyncIterable<unknown>, context)
        : (input: unknown, context: CallContext) =>
            this.#unary((inner) => handler(input, inner) as Promise<unknown>, context),
    ]);
    return Object.fromEntries(watched) as S;
  }

  /** Takes no more calls; those under way may take `graceMs`, then they are aborted and still waited for. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#running.size === 0) return;
    const timer = setTimeout(() => {
      for (const call of this.#running) call.abort(this.#shuttingDown());
    }, graceMs);
    await this.#idle.promise;
    clearTimeout(timer);
  }

  async #unary(work: (context: CallContext) => Promise<unknown>, { signal }: CallContext): Promise<unknown> {
    const call = this.#begin(signal);
    try {
      return await work({ signal: call.signal });
    } catch (error) {
      throw this.#sentence(error);
    } finally {
      call.end();
    }
  }

  async *#stream(
    work: (context: CallContext) => AsyncIterable<unknown>,
    { signal }: CallContext,
  ): AsyncGenerator<unknown, void, undefined> {
    const call = this.#begin(signal);
    try {
      yield* work({ signal: call.signal });
    } catch (error) {
      throw this.#sentence(error);
    } finally {
      call.end();
    }
  }

  #begin(caller: AbortSignal): { signal: AbortSignal; end: () => void } {
    if (this.#stopping) throw this.#shuttingDown();
    caller.throwIfAborted();
    const call = new AbortController();
    const onAbort = (): void => call.abort(caller.reason);
    caller.addEventListener('abort', onAbort, { once: true });
    this.#running.add(call);
    return {
      signal: call.signal,
      end: () => {
        caller.removeEventListener('abort', onAbort);
        this.#running.delete(call);
        if (this.#stopping && this.#running.size === 0) this.#idle.resolve(undefined);
      },
    };
  }

  #sentence(error: unknown): unknown {
    const sentence = asUnavailable(error, this.#region);
    if (sentence !== error) this.#onFault(error);
    return sentence;
  }

  #shuttingDown(): RegistryError {
    return new RegistryError(
      'UNAVAILABLE',
      `The storage of region ${this.#region} is shutting down. Try again, or use another region.`,
      { retryAfterSeconds: 1 },
    );
  }
}
