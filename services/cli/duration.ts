import { wrongUsage } from './exit.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of `500ms`, `30s`, `1.5m`, `2h`, `7d`, or undefined for other text. */
export function parseDuration(text: string): number | undefined {
  const [, value = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|min|h|d)$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  return unitMs === undefined ? undefined : Math.round(Number(value) * unitMs);
}

/** Throws an Exit for wrong usage. */
export function durationOption(option: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw wrongUsage(`${option} ${text}: expected a duration such as 500ms, 30s, 5m or 2h.`);
}
