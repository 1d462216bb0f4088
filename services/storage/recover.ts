import type { StorageDriver } from './driver.ts';
import type { UploadRows } from './owner/uploads.ts';

/** Removes what a crash left over, before anything is served. What was acknowledged is all there afterwards, and durable. */
export async function recover(driver: StorageDriver, rows: UploadRows, now: number): Promise<void> {
  await driver.settle();
  for (const name of (await driver.staged('ingests')).keys()) await driver.discard('ingests', name);

  const leftovers = await driver.staged('uploads');
  for (const { id, offset } of rows.all()) {
    const size = leftovers.get(id) ?? 0;
    leftovers.delete(id);
    // Published just before the crash; the pin, if it made it, answers a repeated Finish.
    if (size === 0 && offset > 0) await rows.remove(id);
    else if (size < offset) await rows.setOffset(id, size, now);
  }
  for (const name of leftovers.keys()) await driver.discard('uploads', name);
}
