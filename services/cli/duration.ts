import { wrongUsage } from './exit.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A century: what comes after it can still be written as a date. */
const MAX_MS = 100 * 366 * 86_400_000;

/** Milliseconds of `500ms`, `30s`, `1.5m`, `2h`, `7d`, or undefined for other text. */
export function parseDuration(text: string): number | undefined {
  const [, value = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|min|h|d)$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  const ms = unitMs === undefined ? NaN : Math.round(Number(value) * unitMs);
  return ms <= MAX_MS ? ms : undefined;
}

/** Throws an Exit for wrong usage. */
export function durationOption(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw wrongUsage(`${option} ${text}: expected a duration such as 500ms, 30s, 5m or 2h.`);
}
