import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000 } as const;
const DURATION = /^(\d{1,9})(ms|s|m)$/;

/** A duration of a query, such as `500ms`, `30s` or `5m`, in milliseconds. Throws REQUEST_INVALID, also beyond `maxMs`. */
export function parseDuration(name: string, text: string, maxMs: number): number {
  const [, count, unit] = DURATION.exec(text) ?? [];
  const ms = count === undefined ? NaN : Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  if (ms <= maxMs) return ms;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The parameter ${name} is ${quote(text)}; expected a duration such as 500ms, 30s or 5m, at most ${maxMs / UNIT_MS.m}m.`,
  );
}
