import { randomBytes } from 'node:crypto';
import type { OwnerDatabase } from './database.ts';

/** What the owner knows of itself. */
export interface Meta {
  /** Signs the ids of uploads; kept, so that they outlive a restart. */
  readonly uploadKey: Uint8Array;
  /** The region's collection epoch as it was kept; see `epoch.ts`. */
  readonly epoch: number;
}

const UPLOAD_KEY_BYTES = 32;

/** Reads the values, making those of a new database. */
export async function loadMeta({ database, commits }: OwnerDatabase): Promise<Meta> {
  const insert = database.prepare('INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING');
  await commits.run(() => {
    insert.run('upload-key', randomBytes(UPLOAD_KEY_BYTES));
    insert.run('epoch', 0);
  });
  const select = database.prepare('SELECT value FROM meta WHERE key = ?');
  const value = (key: string): unknown => select.get(key)?.['value'];
  return { uploadKey: value('upload-key') as Uint8Array, epoch: Number(value('epoch')) };
}
