import { parseEntry, type AuditEntry } from './entry.ts';
import { journalFiles, type JournalFile } from './files.ts';
import { linesBackwards } from './lines-backwards.ts';

/** Which entries are wanted: those of which all is true that is given. */
export interface Filter {
  readonly who?: string;
  readonly repository?: string;
  readonly action?: string;
  readonly allowed?: boolean;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /** Only what is older than that entry: the last one of the page before. */
  readonly before?: Mark;
}

/** Where an entry stands among all. */
export type Mark = Pick<AuditEntry, 'at' | 'id'>;

export interface Found {
  /** The newest first. */
  readonly entries: readonly AuditEntry[];
  /** Go on before this one; undefined where all was looked at. */
  readonly next: Mark | undefined;
}

/** Entries wait for the disk no longer than this, so none is older than its file by more. */
const MAX_WAIT_MS = 60_000;

/** The most entries that one search looks at, whether or not they are wanted. */
export const MAX_LOOKED_AT = 100_000;

/** Up to `limit` entries of all front ends that share the directory. Files are opened only when it is their turn. */
export async function searchJournal(
  directory: string,
  filter: Filter,
  limit: number,
  signal: AbortSignal,
): Promise<Found> {
  const files = (await journalFiles(directory)).filter((file) => mayHold(file, filter));
  const entries: AuditEntry[] = [];
  let looked = 0;
  for await (const entry of newestFirst(files)) {
    signal.throwIfAborted();
    if (filter.sinceMs !== undefined && Date.parse(entry.at) < filter.sinceMs) break;
    if (filter.before !== undefined && !isOlder(entry, filter.before)) continue;
    if (isWanted(entry, filter)) entries.push(entry);
    looked += 1;
    if (entries.length >= limit || looked >= MAX_LOOKED_AT)
      return { entries, next: { at: entry.at, id: entry.id } };
  }
  return { entries, next: undefined };
}

interface Open {
  readonly entries: AsyncGenerator<AuditEntry, void, undefined>;
  head: AuditEntry;
}

/** Merges the files, which come with the newest last. */
async function* newestFirst(files: JournalFile[]): AsyncGenerator<AuditEntry, void, undefined> {
  const closed = [...files];
  const open: Open[] = [];
  try {
    for (;;) {
      for (let file = closed.at(-1); file !== undefined && isDue(file, open); file = closed.at(-1)) {
        closed.pop();
        const entries = entriesOf(file);
        const first = await entries.next();
        if (first.done !== true) open.push({ entries, head: first.value });
      }
      const [newest] = open.sort((a, b) => (isOlder(a.head, b.head) ? 1 : -1));
      if (newest === undefined) return;
      yield newest.head;
      const following = await newest.entries.next();
      if (following.done === true) open.splice(open.indexOf(newest), 1);
      else newest.head = following.value;
    }
  } finally {
    for (const { entries } of open) await entries.return();
  }
}

async function* entriesOf({ path }: JournalFile): AsyncGenerator<AuditEntry, void, undefined> {
  for await (const line of linesBackwards(path)) {
    const entry = parseEntry(line);
    if (entry !== undefined) yield entry;
  }
}

/** Whether an entry of the file may be newer than all that the open ones are at. */
function isDue({ toMs }: JournalFile, open: readonly Open[]): boolean {
  return open.every(({ head }) => Date.parse(head.at) <= toMs);
}

function mayHold(
  { fromMs, toMs }: JournalFile,
  { sinceMs = 0, untilMs = Infinity, before }: Filter,
): boolean {
  const latestMs = before === undefined ? untilMs : Math.min(untilMs, Date.parse(before.at));
  return toMs >= sinceMs && fromMs - MAX_WAIT_MS <= latestMs;
}

function isWanted(entry: AuditEntry, filter: Filter): boolean {
  const {
    who = entry.who,
    repository = entry.repository,
    action = entry.action,
    allowed = entry.allowed,
  } = filter;
  return (
    entry.who === who &&
    entry.repository === repository &&
    entry.action === action &&
    entry.allowed === allowed &&
    Date.parse(entry.at) <= (filter.untilMs ?? Infinity)
  );
}

function isOlder(a: Mark, b: Mark): boolean {
  return a.at === b.at ? a.id < b.id : a.at < b.at;
}
