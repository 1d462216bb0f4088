import assert from 'node:assert/strict';
import { RegistryError, type ErrorCode } from '#libs/oci/errors.ts';

/** What a parser gives, or undefined where it refuses in one of the ways that it says it does. Fails for anything else that it throws. */
export function parsed<T>(parse: () => T, ...codes: readonly ErrorCode[]): T | undefined {
  try {
    return parse();
  } catch (error) {
    requireRefusal(error, codes);
    return undefined;
  }
}

export function requireRefusal(error: unknown, codes: readonly ErrorCode[]): void {
  if (!(error instanceof RegistryError)) throw error;
  assert.ok(codes.includes(error.code), `${error.code} is not among ${codes.join(', ')}: ${error.message}`);
  assert.match(error.message, /^[A-Z][^]*[.?]$/);
  assert.ok(error.message.length < 1500, `a message of ${error.message.length} characters`);
  assert.ok(!hasControls(error.message), `control characters in ${JSON.stringify(error.message)}`);
  JSON.stringify(error.detail);
}

/** Those would let a client write lines of its own into logs and headers. */
export function hasControls(text: string): boolean {
  return /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text);
}

/** Nothing that was parsed may have changed what all objects have in common. */
export function requireCleanPrototypes(): void {
  for (const prototype of [Object.prototype, Array.prototype, Function.prototype])
    assert.deepEqual(Object.keys(prototype), []);
}
