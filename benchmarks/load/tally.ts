import { Histogram } from '../measure/histogram.ts';
import type { LoadResult } from './work.ts';

const MAX_KINDS_OF_PROBLEMS = 20;

/** What a generator counts while it works. */
export class Tally {
  readonly #latency = new Histogram();
  readonly #firstByte = new Histogram();
  readonly #marks: Record<string, number> = {};
  readonly #problems = new Map<string, number>();
  #lastDoneAt = performance.now();
  #longestGapMs = 0;
  operations = 0;
  requests = 0;
  bytes = 0;

  /** An operation that has succeeded. */
  done(durationMs: number): void {
    this.operations += 1;
    this.#latency.record(durationMs);
    const now = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastDoneAt);
    this.#lastDoneAt = now;
  }

  mark(name: string, value: number): void {
    this.#marks[name] = value;
  }

  firstByte(durationMs: number): void {
    this.#firstByte.record(durationMs);
  }

  problem(what: string): void {
    const kind =
      this.#problems.has(what) || this.#problems.size < MAX_KINDS_OF_PROBLEMS ? what : 'other problems';
    this.#problems.set(kind, (this.#problems.get(kind) ?? 0) + 1);
  }

  result(seconds: number, ownCpuSeconds: number): LoadResult {
    const { operations, requests, bytes } = this;
    const counted = { operations, requests, bytes, seconds, ownCpuSeconds };
    return {
      ...counted,
      latency: this.#latency.counts(),
      firstByte: this.#firstByte.counts(),
      longestGapMs: Math.max(this.#longestGapMs, performance.now() - this.#lastDoneAt),
      marks: this.#marks,
      problems: Object.fromEntries(this.#problems),
    };
  }
}
