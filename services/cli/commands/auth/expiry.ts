import { wrongUsage } from '../../exit.ts';

/** `2027-01-31` or `2027-01-31T12:00:00Z`, as the registry reads it. */
export function expiry(text: string): string {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms) && /^\d{4}-\d{2}-\d{2}/.test(text)) return new Date(ms).toISOString();
  throw wrongUsage(
    `--expires ${text}: expected a date such as 2027-01-31, or with a time, 2027-01-31T12:00:00Z.`,
  );
}
