import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { KeptReport } from '#types/meridian/v1/KeptReport.ts';
import type { OwnerDatabase } from './database.ts';

/** What the region's long works tell of themselves: of each sort the last run. */
export interface Reports {
  /** Durable when it resolves. Another run that goes on and has told of itself lately stays. Gives what is kept. Throws TOO_LARGE. */
  keep(report: KeptReport): Promise<KeptReport>;
  /** An empty run where there was none. */
  get(sort: string): KeptReport;
}

const SORTS: ReadonlySet<string> = new Set(['verify', 'repair', 'collect']);
const MAX_REPORT_BYTES = 256 * 1024;
/** A run that has told nothing for so long has lost its process. */
const LATELY_MS = 10_000;

/** `now` is monotonic, in milliseconds. */
export function openReports({ database, commits }: OwnerDatabase, now: () => number): Reports {
  const select = database.prepare('SELECT value FROM meta WHERE key = ?');
  const replace = database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
  // Not kept: what ran when this process began may have ended with the one before, and tells of itself anew otherwise.
  const toldAt = new Map<string, number>();
  const get = (sort: string): KeptReport => {
    const text = select.get(keyOf(sort))?.['value'] as string | undefined;
    if (text === undefined) return { sort, run: '', running: false, json: '' };
    const kept = JSON.parse(text) as KeptReport;
    const isLate = (toldAt.get(sort) ?? -Infinity) + LATELY_MS <= now();
    return { ...kept, running: kept.running && !isLate };
  };
  return {
    get,
    keep: async ({ sort, run, running, json }) => {
      const key = keyOf(sort);
      const bytes = Buffer.byteLength(json);
      if (bytes > MAX_REPORT_BYTES) {
        throw new RegistryError(
          'TOO_LARGE',
          `The report has ${bytes} bytes; at most ${MAX_REPORT_BYTES} are kept.`,
        );
      }
      await commits.run(() => {
        const kept = get(sort);
        if (kept.running && kept.run !== run) return;
        replace.run(key, JSON.stringify({ sort, run, running, json }));
        toldAt.set(sort, now());
      });
      return get(sort);
    },
  };
}

function keyOf(sort: string): string {
  if (SORTS.has(sort)) return `report/${sort}`;
  throw new RegistryError(
    'REQUEST_INVALID',
    `Expected a report of ${[...SORTS].join(', ')}, but ${quote(sort)} came.`,
  );
}
