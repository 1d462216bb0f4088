import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Resident memory of a cluster's processes in bytes, now and at most, from the kernel's accounts (Linux). */
export async function memoryOf(
  dataDir: string,
  processes: readonly string[],
): Promise<Map<string, { now: number; peak: number }>> {
  const memory = new Map<string, { now: number; peak: number }>();
  for (const name of processes) {
    const pid = (await readFile(join(dataDir, name, 'pid'), 'utf8')).trim();
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    memory.set(name, { now: kilobytes(status, 'VmRSS') * 1024, peak: kilobytes(status, 'VmHWM') * 1024 });
  }
  return memory;
}

function kilobytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
}
