import type { Spread } from '../measure/statistics.ts';

/** Three digits that count, thousands set apart: 12,300, 4.56, 0.0123. */
export function shortNumber(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return '∞';
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const rounded = Number(value.toPrecision(3));
  return rounded.toLocaleString('en', {
    minimumFractionDigits: Math.min(digits, 4),
    maximumFractionDigits: 4,
  });
}

/** `4.56 (4.1–5.0)` */
export function spreadText({ median, low, high }: Spread): string {
  if (low === high) return shortNumber(median);
  return `${shortNumber(median)} (${shortNumber(low)}–${shortNumber(high)})`;
}
