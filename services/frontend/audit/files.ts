import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A file of the journal, of which a front end has one after the other. Several front ends may share a directory. */
export interface JournalFile {
  readonly path: string;
  /** When it was begun, and the latest that it can have been written to last. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
}

/** The kernel's clock for files goes by ticks: what was just written may seem to be older by one. */
const TICK_MS = 20;

const NAME = /^audit-(\d{13})-[\w-]+\.jsonl$/;

/** `process` is the front end's, another one after each start. */
export function fileName(fromMs: number, process: string): string {
  return `audit-${Math.floor(fromMs).toString().padStart(13, '0')}-${process}.jsonl`;
}

/** The newest last; none where there is no such directory. */
export async function journalFiles(directory: string): Promise<JournalFile[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  const files = await Promise.all(names.map((name) => fileOf(directory, name)));
  return files.filter((file) => file !== undefined).sort((a, b) => a.toMs - b.toMs);
}

async function fileOf(directory: string, name: string): Promise<JournalFile | undefined> {
  const from = NAME.exec(name)?.[1];
  if (from === undefined) return undefined;
  const path = join(directory, name);
  // Another front end may have removed it just now.
  const found = await stat(path).catch(() => undefined);
  return found && { path, fromMs: Number(from), toMs: Math.ceil(found.mtimeMs) + TICK_MS, bytes: found.size };
}
