import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { formatEntry, type Audited } from './entry.ts';
import { fileName, journalFiles } from './files.ts';

/** Takes note of what requests did. */
export interface Journal {
  /** Returns at once. What can't be written is counted, and told with the next that can. */
  append(entry: Audited): void;
  /** Resolves once all is on disk that was given. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface JournalOptions {
  /** Made where it is missing; only its owner can read it. */
  readonly directory: string;
  /** This front end's name, another one after each start. */
  readonly process: string;
  readonly limits: JournalLimits;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Told when entries can't be written. */
  readonly onFault: (error: unknown) => void;
}

export interface JournalLimits {
  readonly maxFileBytes: number;
  /** Of the whole directory; the oldest go. */
  readonly maxFiles: number;
  /** Entries that wait for the disk. */
  readonly maxWaiting: number;
}

export const JOURNAL_LIMITS: JournalLimits = {
  maxFileBytes: 16 * 1024 * 1024,
  maxFiles: 256,
  maxWaiting: 10_000,
};

/** Opens a new file. Rejects where the directory can't be had. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { directory, process, limits, onFault } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let file = await nextFile(options);
  let waiting: Audited[] = [];
  let given = 0;
  let lost = 0;
  let running: Promise<void> | undefined;

  const writeBatch = async (batch: readonly Audited[]): Promise<void> => {
    if (file.bytes >= limits.maxFileBytes) {
      await file.handle.close();
      file = await nextFile(options);
    }
    const missed = lost;
    const lines = batch.map((entry, index) => {
      const id = `${process}-${(given++).toString().padStart(12, '0')}`;
      return formatEntry({ ...entry, id, ...(index === 0 && missed > 0 ? { lost: missed } : {}) });
    });
    // After a failure the last line may be half there; this ends it.
    const bytes = Buffer.from((file.torn ? '\n' : '') + lines.join(''));
    file.torn = true;
    await file.handle.appendFile(bytes);
    await file.handle.datasync();
    file.torn = false;
    file.bytes += bytes.length;
    lost -= missed;
  };
  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await writeBatch(batch);
      } catch (error) {
        lost += batch.length;
        onFault(error);
      }
    }
    running = undefined;
  };
  return {
    append: (entry) => {
      if (waiting.length >= limits.maxWaiting) lost += 1;
      else waiting.push(entry);
      running ??= write();
    },
    flush: async () => running,
    close: async () => {
      await running;
      await file.handle.close();
    },
  };
}

interface OpenFile {
  readonly handle: FileHandle;
  bytes: number;
  torn: boolean;
}

async function nextFile({ directory, process, limits, nowMs }: JournalOptions): Promise<OpenFile> {
  const handle = await open(join(directory, fileName(nowMs(), process)), 'a', 0o600);
  await removeOldest(directory, limits.maxFiles);
  return { handle, bytes: (await handle.stat()).size, torn: false };
}

async function removeOldest(directory: string, maxFiles: number): Promise<void> {
  const files = await journalFiles(directory);
  for (const { path } of files.slice(0, Math.max(0, files.length - maxFiles)))
    await rm(path, { force: true });
}
