import fc from 'fast-check';
import { expect } from 'vitest';
import { RegistryError, type ErrorCode } from '#libs/oci/errors.ts';

/** Longer than any header or path that a server takes. */
export const HOSTILE_BYTES = 64 * 1024;

/** Twice the length may take twice the time; a pattern that backtracks takes four times or more, and one that explodes never ends. */
const MAX_GROWTH = 3.3;
/** Below this, the clock measures the machine's other work; backtracking over so much text takes far longer. */
const MEASURABLE_MS = 100;

/** Text made of pieces that matter to a grammar, of any characters, or of both. */
export function textNear(...pieces: string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...pieces) },
    { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 2 }) },
  );
  return fc.array(piece, { maxLength: 14 }).map((parts) => parts.join(''));
}

/** What `parse` gives, or the code of the RegistryError it throws; fails the test for anything else that is thrown. */
export function outcome<T>(parse: () => T): { value: T } | { code: ErrorCode } {
  try {
    return { value: parse() };
  } catch (error) {
    expect(error).toBeInstanceOf(RegistryError);
    const { code, message } = error as RegistryError;
    expect(message).toMatch(/^[A-Z][^]*[.?]$/);
    expect(message.length).toBeLessThan(1500);
    return { code };
  }
}

/** Holds that `parse` comes to its end on hostile text, and that its time grows no faster than the text. */
export function expectLinear(parse: (text: string) => unknown, hostile: readonly string[], end = '!'): void {
  for (const piece of hostile) {
    const text = (bytes: number): string => piece.repeat(Math.ceil(bytes / piece.length)) + end;
    const time = (bytes: number): number => fastest(() => outcome(() => parse(text(bytes))));
    if (time(HOSTILE_BYTES) < MEASURABLE_MS) continue;
    expect(time(2 * HOSTILE_BYTES) / time(HOSTILE_BYTES), JSON.stringify(piece)).toBeLessThan(MAX_GROWTH);
  }
}

function fastest(run: () => unknown): number {
  const times = Array.from({ length: 3 }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return Math.min(...times);
}
